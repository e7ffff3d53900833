"""Code of torch's that asks whether something is a Tensor works on traced values."""

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import distributions, nn
from torch.utils.data import TensorDataset, default_collate

from tape import grad

X = torch.tensor([0.2, 0.3, 0.5], dtype=torch.float64)
ONES = torch.ones(3, dtype=torch.float64)


@pytest.mark.parametrize(
    "f",
    [
        lambda x: distributions.Normal(ONES, 2.0).log_prob(x).sum(),
        lambda x: distributions.Normal(x, x).log_prob(x).sum(),
        lambda x: distributions.Normal(0.0, 1.0).cdf(x).sum(),
        lambda x: distributions.Beta(2 * ONES, 3 * ONES).log_prob(x).sum(),
        lambda x: distributions.Dirichlet(2 * ONES).log_prob(x),
        lambda x: distributions.MultivariateNormal(ONES, torch.eye(3, dtype=torch.float64)).log_prob(x),
        lambda x: (
            distributions.TransformedDistribution(distributions.Normal(ONES, 1.0), [distributions.ExpTransform()])
            .log_prob(x)
            .sum()
        ),
        lambda x: distributions.Independent(distributions.Laplace(x, 1.0), 1).log_prob(2 * x),
        lambda x: distributions.Categorical(probs=x).entropy(),
        lambda x: distributions.kl_divergence(distributions.Normal(x, 1.0), distributions.Normal(ONES, x)).sum(),
        lambda x: default_collate([(x, 1), (x * 2, 2)])[0].pow(2).sum(),
        lambda x: nn.utils.rnn.pad_sequence([x, x[:1]]).pow(2).sum(),
        lambda x: nn.utils.parameters_to_vector([x, x]).pow(2).sum(),
        lambda x: TensorDataset(x)[1][0],
        lambda x: torch.broadcast_tensors(x, ONES.unsqueeze(1))[0].sum(),
        lambda x: nn.Softmax(dim=0)(x)[0],
        lambda x: nn.LogSoftmax(dim=0)(x)[0],
        lambda x: nn.Softmin(dim=0)(x)[0],
        lambda x: nn.Softmax2d()(x.reshape(1, 3, 1, 1)).flatten()[0],
        lambda x: nn.LogSoftmax(dim=-1)(x[None])[0, 1],
    ],
)
def test_it_has_torchs_gradient(f: Callable[[Any], Any]) -> None:
    required = X.clone().requires_grad_()
    (expected,) = torch.autograd.grad(f(required), required)
    torch.testing.assert_close(grad(f)(X), expected)


def test_what_a_check_refuses_is_refused() -> None:
    with pytest.raises(ValueError, match="support"):
        grad(lambda x: distributions.Beta(ONES, ONES).log_prob(x * 10).sum())(X)
    with pytest.raises(ValueError, match="must be a Tensor"):
        distributions.Normal(0.0, 1.0).log_prob([1.0])
