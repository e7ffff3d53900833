"""Torch's own operator database as a judge: value, gradient and second order on its sample inputs."""

import itertools
import warnings
from typing import Any

import pytest
import torch
from torch import Tensor

import tape
from tape.traced import Traced

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    pytest.importorskip("expecttest", reason="torch's operator database needs the package expecttest")
    database = pytest.importorskip(
        "torch.testing._internal.common_methods_invocations", reason="this torch has no operator database"
    )

pytestmark = pytest.mark.filterwarnings("ignore")

SAMPLES = 12  # of each op, spread over all that the database has

# How an op says no. A singular matrix is torch's own error.
REFUSALS = (tape.TapeError, TypeError, ValueError, NotImplementedError, torch.linalg.LinAlgError)


def label(op: Any) -> str:
    return f"{op.name}/{op.variant_test_name}" if op.variant_test_name else str(op.name)


OPS = {label(op): op for op in database.op_db if torch.float64 in op.dtypes and op.supports_autograd}


def chosen_samples(op: Any) -> list[Any]:
    torch.manual_seed(0)
    samples = list(itertools.islice(op.sample_inputs("cpu", torch.float64, requires_grad=True), 200))
    return samples[:: -(-len(samples) // SAMPLES)] if samples else []


def parts(result: Any) -> list[Any]:
    """The tensors of a result, those of torch's named tuples too."""
    if isinstance(result, (tuple, list)):
        return [leaf for part in result for leaf in parts(part)]
    return [result] if isinstance(result, (Tensor, Traced)) else []


class Program:
    """An op on a sample, as a function of the tensors that the sample asks a derivative for."""

    def __init__(self, op: Any, sample: Any) -> None:
        self.op, self.sample = op, sample
        self.leaves, self.treedef = tape.tree.flatten((sample.input, list(sample.args), sample.kwargs))
        self.places = [i for i, x in enumerate(self.leaves) if isinstance(x, Tensor) and x.requires_grad]
        self.inputs = [self.leaves[i].detach() for i in self.places]

    def __call__(self, *inputs: Any) -> list[Any]:
        filled = [x.detach() if isinstance(x, Tensor) else x for x in self.leaves]
        for place, x in zip(self.places, inputs, strict=True):
            filled[place] = x
        first, args, kwargs = tape.tree.unflatten(self.treedef, filled)
        return parts(self.sample.output_process_fn_grad(self.op(first, *args, **kwargs)))


def noise(x: Tensor, seed: int) -> Tensor:
    return torch.randn(x.shape, dtype=x.dtype, generator=torch.Generator().manual_seed(seed))


def assert_agree(what: str, actual: Any, expected: Any, sample: Any) -> None:
    assert len(actual) == len(expected), what
    for a, e in zip(actual, expected, strict=True):
        # Where torch has no number, at a kink, ours may be finite.
        known = ~torch.isnan(e)
        torch.testing.assert_close(
            torch.where(known, a, 0),
            torch.where(known, e, 0),
            rtol=1e-7,
            atol=1e-7,
            msg=lambda text: f"{what}: {text}\n{sample}",
        )


def compared(op: Any, sample: Any) -> bool:
    """Whether we take a sample; if so, asserts that all agrees with torch's autograd."""
    program = Program(op, sample)
    if not program.places:
        return False
    required = [x.detach().requires_grad_() for x in program.inputs]
    expected = program(*required)
    taken = [i for i, y in enumerate(expected) if y.requires_grad and y.is_floating_point()]
    if not taken:
        return False
    cotangents = [noise(expected[i], i) for i in taken]

    def f(*inputs: Any) -> list[Any]:
        outputs = program(*inputs)
        return [outputs[i] for i in taken]

    count = len(program.inputs)

    def pulled(*values: Any) -> list[Any]:
        _, pullback = tape.vjp(f, *values[:count])
        return list(pullback(list(values[count:])))

    try:
        outputs, pullback = tape.vjp(f, *program.inputs)
        gradients = pullback(cotangents)
    except REFUSALS:
        return False
    assert_agree("value", outputs, [expected[i].detach() for i in taken], sample)
    seeds = [c.clone().requires_grad_() for c in cotangents]
    wanted = torch.autograd.grad(
        [expected[i] for i in taken], required, seeds, create_graph=op.supports_gradgrad, materialize_grads=True
    )
    assert_agree("gradient", gradients, [w.detach() for w in wanted], sample)
    if not op.supports_gradgrad:
        return True

    directions = [noise(w, 100 + i) for i, w in enumerate(wanted)]
    graph = [(w, d) for w, d in zip(wanted, directions, strict=True) if w.requires_grad]
    second: Any = [torch.zeros_like(x) for x in [*required, *seeds]]
    if graph:
        try:
            second = torch.autograd.grad(
                [w for w, _ in graph], [*required, *seeds], [d for _, d in graph], materialize_grads=True
            )
        except RuntimeError:  # torch has no derivative of this derivative
            return True
    _, pullback = tape.vjp(pulled, *program.inputs, *cotangents)
    assert_agree("second order", pullback(directions), second, sample)
    return True


@pytest.mark.parametrize("name", sorted(OPS))
def test_an_op_is_torchs_or_refused(name: str) -> None:
    op = OPS[name]
    if not sum(compared(op, sample) for sample in chosen_samples(op)):
        pytest.skip("refused")
