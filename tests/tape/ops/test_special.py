from collections.abc import Callable

import torch
from torch import Tensor

import tape


def test_hypot_has_a_finite_derivative_at_0(doubles: Callable[..., Tensor]) -> None:
    gradients = tape.grad(lambda x, y: torch.hypot(x, y).sum(), (0, 1))(doubles(0, 3), doubles(0, 4))
    torch.testing.assert_close(gradients, (doubles(0, 0.6), doubles(0, 0.8)))


def test_hypot_has_second_derivatives_of_0_at_0(doubles: Callable[..., Tensor]) -> None:
    gradient = tape.grad(lambda x, y: torch.hypot(x, y).sum())
    second = tape.grad(lambda x, y: gradient(x, y).sum(), (0, 1))(doubles(0, 3), doubles(0, 4))
    torch.testing.assert_close(second, (doubles(0, 16 / 125), doubles(0, -12 / 125)))


def test_xlogy_is_0_where_x_is(agrees_with_torch: Callable[..., None], doubles: Callable[..., Tensor]) -> None:
    agrees_with_torch(torch.xlogy, doubles(0, 0, 2), doubles(3, 0.5, 4))
    x_gradient = tape.grad(lambda x: torch.xlogy(x, doubles(0, -1)).sum())(doubles(0, 0))
    torch.testing.assert_close(x_gradient, doubles(0, 0))


def test_xlogy_has_no_finite_derivative_where_y_alone_leaves_the_domain(doubles: Callable[..., Tensor]) -> None:
    gradient = tape.grad(lambda x: torch.xlogy(x, doubles(0, -1)).sum())(doubles(1, 1))
    torch.testing.assert_close(gradient, doubles(-torch.inf, torch.nan), equal_nan=True)


def test_xlogy_of_a_number_is_as_precise_as_of_a_tensor(doubles: Callable[..., Tensor]) -> None:
    gradient = tape.grad(lambda x: torch.xlogy(x, 3.0).sum())(doubles(0, 2))
    assert gradient.equal(torch.log(doubles(3, 3)))
    assert tape.grad(lambda x: torch.xlogy(x, 0).sum())(doubles(0, 2)).tolist() == [0, -torch.inf]


def test_sinc_at_0(agrees_with_torch: Callable[..., None], doubles: Callable[..., Tensor]) -> None:
    agrees_with_torch(torch.sinc, doubles(0, 0.5, -1), second=False)


def test_logsigmoid_far_from_0(agrees_with_torch: Callable[..., None], doubles: Callable[..., Tensor]) -> None:
    agrees_with_torch(torch.nn.functional.logsigmoid, doubles(-800, -30, 0, 30, 800))


def test_logit_has_no_derivative_beyond_eps(doubles: Callable[..., Tensor]) -> None:
    gradient = tape.grad(lambda x: torch.logit(x, eps=0.1).sum())(doubles(0.05, 0.5, 0.95))
    torch.testing.assert_close(gradient, doubles(0, 4, 0))


def test_the_curvature_of_logsigmoid_keeps_its_digits() -> None:
    x = torch.tensor([-30.0, 30.0])
    slope = tape.grad(lambda x: torch.nn.functional.logsigmoid(x).sum())
    curve = tape.grad(lambda x: slope(x).sum())(x)
    torch.testing.assert_close(curve, -torch.exp(torch.tensor([-30.0, -30.0])), rtol=1e-5, atol=0)
