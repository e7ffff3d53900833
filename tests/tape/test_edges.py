"""What happens at the edges: each case is right, or an error that says what to write instead.

One test for each edge, run through every transformation where that makes a difference.
"""

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.func import vmap
from torch.fx.experimental.proxy_tensor import make_fx

import tape
from tape import TapeError, checkpoint, custom_vjp, functional_call, grad, hessian, hvp, jacfwd, jacrev, jvp, vjp

Derivative = Callable[[Callable[[Any], Any], Tensor], Tensor]

ONE = torch.ones((), dtype=torch.float64)

# The gradient of a function with a 0-d result, by every road to it.
ROADS: dict[str, Derivative] = {
    "grad": lambda f, x: grad(f)(x),
    "value_and_grad": lambda f, x: tape.value_and_grad(f)(x)[1],
    "vjp": lambda f, x: (lambda out, pull: pull(torch.ones_like(out))[0])(*vjp(f, x)),
    "jvp": lambda f, x: torch.stack([jvp(f, (x,), (e,))[1] for e in torch.eye(len(x), dtype=x.dtype)]),
    "jacrev": lambda f, x: jacrev(f)(x),
    "jacfwd": lambda f, x: jacfwd(f)(x),
    "hvp": lambda f, x: hvp(lambda x, t: t * f(x), (x, ONE), (torch.zeros_like(x), ONE))[0],
    "checkpoint": lambda f, x: grad(checkpoint(f))(x),
    "microbatch": lambda f, x: grad(tape.microbatch(lambda x, _: f(x), 1))(x, torch.zeros(2)),
}

every_road = pytest.mark.parametrize("derivative", ROADS.values(), ids=ROADS)


@pytest.fixture
def x() -> Tensor:
    return torch.tensor([1.0, 2.0, 3.0], dtype=torch.float64)


def close(actual: Any, expected: Any) -> None:
    assert tape.tree.flatten(actual)[1] == tape.tree.flatten(expected)[1]
    for a, e in zip(tape.tree.leaves(actual), tape.tree.leaves(expected), strict=True):
        torch.testing.assert_close(a, e)


@every_road
@pytest.mark.parametrize(
    ("code", "instead"),
    [
        ("x[0] = 1.0", "torch.where"),
        ("x += 1", "x = x + y"),
        ("x.add_(1)", "x = x.add("),
        ("x[0].mul_(2)", "x = x.mul("),
        ("plain[0] = x[0]", "torch.cat"),
        ("plain += x", "without the underscore"),
        ("torch.add(plain, x, out=plain)", "y = add("),
        ("torch.nn.functional.relu(x, inplace=True)", "inplace=False"),
    ],
)
def test_in_place_operations_say_what_to_write(derivative: Derivative, code: str, instead: str, x: Tensor) -> None:
    def f(x: Any) -> Any:
        scope = {"x": x * 1, "plain": torch.zeros(3, dtype=torch.float64), "torch": torch}
        exec(code, scope)
        return scope["x"].sum()

    with pytest.raises(TapeError, match="in place") as caught:
        derivative(f, x)
    assert instead in str(caught.value)


def test_in_place_operations_on_what_is_not_traced(x: Tensor) -> None:
    def f(x: Any) -> Any:
        plain = torch.zeros(3, dtype=torch.float64)
        plain += 2
        plain[0] = 5.0
        return (x * plain).sum()

    close(grad(f)(x), torch.tensor([5.0, 2.0, 2.0], dtype=torch.float64))

    def spoils_its_own_input(y: Any) -> Any:
        squared = y * y
        x.add_(1)
        return squared.sum()

    with pytest.raises(TapeError, match="derivative of multiply needs was changed in place"):
        grad(spoils_its_own_input)(x)


@every_road
def test_data_dependent_control_flow(derivative: Derivative, x: Tensor) -> None:
    def f(x: Any) -> Any:
        total = x.sum() * 0
        for entry in x:
            if entry > 2.5:
                total = total + entry**2
            elif int(entry) == 2:
                total = total + x[int(x.argmax())]
        while total < 20:
            total = total * 2
        return total + x[x > 1.5].sum()

    close(derivative(f, x), torch.tensor([0.0, 1.0, 15.0], dtype=torch.float64))


def test_data_dependent_control_flow_under_vmap_is_refused_by_torch(x: Tensor) -> None:
    with pytest.raises(RuntimeError, match="data-dependent control flow"):
        vmap(grad(lambda x: x.sum() if x.sum() > 0 else -x.sum()))(torch.stack([x, -x]))
    close(vmap(grad(lambda x: torch.where(x.sum() > 0, x, -x).sum()))(torch.stack([x, -x]))[1], -torch.ones_like(x))


@every_road
def test_a_traced_value_that_escapes(derivative: Derivative, x: Tensor) -> None:
    escaped: list[Any] = []
    derivative(lambda x: (escaped.append(x * 1), x.sum())[1], x)
    uses: list[Callable[[Any], Any]] = [
        lambda y: y * escaped[-1].sum(),
        lambda y: escaped[-1].sum() + y,
        lambda y: torch.cat([y.reshape(1), escaped[-1]]).sum(),
        lambda y: escaped[-1],
        lambda y: (y, {"kept": escaped[-1]}),
        lambda y: checkpoint(lambda: escaped[-1] * y)().sum(),
        lambda y: checkpoint(torch.sin)(escaped[-1]).sum(),
        lambda y: vjp(torch.sin, escaped[-1])[0].sum(),
    ]
    for use in uses:
        with pytest.raises(TapeError, match="has ended"):
            vjp(use, torch.ones((), dtype=torch.float64))
    # What has ended still is a number for whoever looks at it.
    assert float(tape.stop_gradient(escaped[-1]).sum()) == float(escaped[-1].detach().sum())


@every_road
def test_an_exception_inside_a_function(derivative: Derivative, x: Tensor) -> None:
    class Mine(Exception):
        pass

    def failing(x: Any) -> Any:
        torch.sin(x)
        raise Mine("message")

    for f in (failing, lambda x: derivative(failing, x).sum(), lambda x: x.sum() + checkpoint(failing)(x)):
        with pytest.raises(Mine, match=r"^message$"):
            derivative(f, x)
    assert torch.is_grad_enabled()
    assert not tape.core.running.running()
    assert not tape.core.running.stand_ins()
    close(derivative(lambda x: (x * x).sum(), x), 2 * x)


@every_road
def test_tensors_that_require_grad_are_plain_values(derivative: Derivative, x: Tensor) -> None:
    x.requires_grad_()
    closed = nn.Parameter(x.detach() + 1)
    gradient = derivative(lambda y: (y * closed * (closed * 1)).sum() + (closed * 2).sum(), x)
    close(gradient, closed.detach() ** 2)
    assert not gradient.requires_grad
    assert x.grad is None
    assert closed.grad is None


@every_road
@pytest.mark.parametrize("guard", [torch.no_grad, torch.inference_mode])
def test_no_grad_and_inference_mode(derivative: Derivative, guard: Any, x: Tensor) -> None:
    f = lambda x: (x**3).sum()
    with guard():
        close(derivative(f, x), 3 * x**2)
        made_inside = x * 1

    def stopped(x: Any) -> Any:
        with guard():
            constant = x * 2
        return (x * constant).sum()

    close(derivative(stopped, x), 2 * x)
    close(derivative(f, made_inside), 3 * x**2)


def test_integer_and_boolean_inputs(x: Tensor) -> None:
    index, mask = torch.tensor([2, 0]), torch.tensor([True, False, True])
    f = lambda x, index, mask: (x[index] * 2).sum() + (x * mask).sum()
    _, pullback = vjp(f, x, index, mask)
    expected = torch.tensor([3.0, 0.0, 3.0], dtype=torch.float64)
    close(pullback(torch.ones((), dtype=torch.float64)), (expected, None, None))
    close(jvp(f, (x, index, mask), (x, None, None))[1], (expected * x).sum())
    for transformation in (grad, jacrev, jacfwd, hessian):
        transformation(f, 0)(x, index, mask)
        with pytest.raises(TapeError, match=r"argument 1 is a tensor of torch\.int64, which has no gradient"):
            transformation(f, (0, 1))(x, index, mask)
    with pytest.raises(TapeError, match=r"primal 2 is a tensor of torch\.bool, which has no gradient"):
        hvp(f, (x, x, mask), (x, x, None))


@every_road
def test_complex_numbers(derivative: Derivative, x: Tensor) -> None:
    with pytest.raises(TapeError, match=r"complex128 .*real and the imaginary part"):
        derivative(lambda x: x.sum(), x * 1j)
    with pytest.raises(TapeError, match="complex128; derivatives are of real tensors"):
        derivative(lambda x: (x * 1j).abs().sum(), x)


def test_none_leaves(x: Tensor) -> None:
    p = {"a": None, "x": x, "b": [None, (x, None)]}
    f = lambda p: (p["x"] * p["b"][1][0]).sum()
    like = lambda leaf: {"a": None, "x": leaf, "b": [None, (leaf, None)]}
    close(grad(f)(p), like(x))
    close(jvp(f, (p,), (like(x),))[1], 2 * (x * x).sum())
    close(hvp(f, (p,), (like(x),)), (like(x),))
    close(jacrev(f)(p), like(x))
    close(jacfwd(f)(p), like(x))
    close(grad(checkpoint(f))(p), like(x))
    assert grad(lambda x, nothing: x.sum(), 1)(x, None) is None
    out, pullback = vjp(lambda x: (None, x), x)
    assert out[0] is None
    close(pullback((None, x)), (x,))
    assert jvp(lambda x: (None, x), (x,), (x,))[1][0] is None


@every_road
def test_closures_over_a_value_of_an_outer_level(derivative: Derivative, x: Tensor) -> None:
    def f(x: Any) -> Any:
        # The derivative of x² y by y, at y = x: x²; the outer level sees all of it.
        return (derivative(lambda y: (x * x * y).sum(), x.detach()) * x).sum()

    close(grad(f)(x), 3 * x**2)


def test_several_threads_at_once() -> None:
    start = threading.Barrier(4)

    def work(seed: int) -> None:
        x = torch.rand(3, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))
        start.wait()
        for derivative in list(ROADS.values()) * 2:
            close(derivative(lambda x: checkpoint(lambda: (x**3).sum())(), x), 3 * x**2)
            inner = partial(derivative, lambda y: (y**3).sum())
            close(derivative(lambda x, inner=inner: (x * inner(x)).sum(), x), 9 * x**2)

    # The transformations themselves, one of which takes vmap, whose state is torch's own and per thread.
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(work, range(4)))  # raises what a thread has raised


@every_road
def test_a_chain_of_ten_thousand_operations(derivative: Derivative) -> None:
    def f(x: Any) -> Any:
        for _ in range(10_000):
            x = x * 1.0001
        return x.sum()

    x = torch.ones(1, dtype=torch.float64)
    close(derivative(f, x), torch.full_like(x, 1.0001**10_000))


def test_python_generators(x: Tensor) -> None:
    def rows(x: Any) -> Iterator[Any]:
        for i, entry in enumerate(x):
            yield entry * i

    close(grad(lambda x: sum(rows(x)))(x), torch.tensor([0.0, 1.0, 2.0], dtype=torch.float64))
    suspended: list[Iterator[Any]] = []
    grad(lambda x: (suspended.append(rows(x)), next(suspended[0]))[1])(x)
    with pytest.raises(TapeError, match="has ended"):
        next(suspended[0])


@every_road
def test_random_generators(derivative: Derivative, x: Tensor) -> None:
    def f(x: Any) -> Any:
        generator = torch.Generator().manual_seed(3)
        return (x * torch.rand(3, generator=generator, dtype=torch.float64)).sum()

    expected = torch.rand(3, generator=torch.Generator().manual_seed(3), dtype=torch.float64)
    close(derivative(f, x), expected)


def test_module_state(x: Tensor) -> None:
    class Counting(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.register_buffer("calls", torch.zeros((), dtype=torch.int64))
            self.w = nn.Parameter(torch.ones(3, dtype=torch.float64))
            self.last: Any = None

        def forward(self, x: Any) -> Any:
            self.calls += 1
            self.last = x * self.w
            return self.last.sum()

    module = Counting()
    close(grad(lambda p: functional_call(module, p, x))({"w": x})["w"], x)
    assert module.calls == 1
    assert type(module.w) is nn.Parameter
    with pytest.raises(TapeError, match="has ended"):
        module.last * 2


class TestTorchsOwnTransformations:
    """torch.func.vmap goes around any of ours; ours do not go around torch's."""

    @every_road
    def test_vmap_over_any(self, derivative: Derivative, x: Tensor) -> None:
        f = lambda x: (torch.sin(x) * x.cumsum(0)).sum()
        rows = torch.stack([x, x + 1, -x])
        close(vmap(lambda x: derivative(f, x))(rows), torch.stack([derivative(f, row) for row in rows]))

    def test_vmap_over_custom_vjp(self, x: Tensor) -> None:
        double = custom_vjp(lambda x: x * 2)
        double.defvjp(lambda x: (double(x), x), lambda x, g: (g * x,))
        rows = torch.stack([x, x + 1])
        close(vmap(grad(lambda x: double(x).sum()))(rows), rows)

    def test_vmap_inside_is_refused_by_torch(self, x: Tensor) -> None:
        for f in (lambda x: vmap(torch.sin)(x).sum(), lambda w: vmap(lambda row: row * w)(torch.ones(2, 3)).sum()):
            with pytest.raises(ValueError, match=r"vmap\("):
                grad(f)(x)

    def test_torchs_derivatives_inside_are_refused(self, x: Tensor) -> None:
        with pytest.raises(ValueError, match="must be Tensor"):
            grad(lambda x: torch.func.grad(lambda y: y.sum())(x).sum())(x)
        with pytest.raises(TapeError, match="grad has no derivative rule"):
            grad(lambda x: torch.autograd.grad(x.sum(), x)[0])(x)
        with pytest.raises(TapeError, match=r"Tensor\.backward has no derivative rule"):
            grad(lambda x: x.sum().backward())(x)

    def test_our_derivatives_are_constants_to_torchs(self, x: Tensor) -> None:
        """Inputs that require grad are used as plain values, also torch.func's."""
        close(torch.func.grad(lambda x: grad(lambda y: (y**3).sum())(x).sum())(x), torch.zeros_like(x))

    @pytest.mark.parametrize("mode", ["real", "fake", "symbolic"])
    @pytest.mark.parametrize(
        "transformed",
        [
            grad(lambda x: (torch.sin(x) * x).sum()),
            grad(lambda x: grad(lambda y: (x * y**2).sum())(x).sum()),
            grad(checkpoint(lambda x: torch.exp(x).sum())),
            hessian(lambda x: (torch.sin(x) * x).sum()),
            lambda x: jvp(torch.sin, (x,), (x * 2,))[1],
            lambda x: hvp(lambda x: (x**3).sum(), (x,), (x,))[0],
        ],
    )
    def test_make_fx_gives_the_program_of_a_derivative(self, mode: str, transformed: Any, x: Tensor) -> None:
        program = make_fx(transformed, tracing_mode=mode)(x)
        close(program(x + 1), transformed(x + 1))
        assert all("tape" not in str(node.target) for node in program.graph.nodes)

    def test_modules_are_called_by_our_functional_call(self, x: Tensor) -> None:
        module = nn.Linear(3, 1).double()
        params = {name: p.detach() for name, p in module.named_parameters()}
        with pytest.raises(TypeError, match=r"is not an instance of torch.Tensor"):
            grad(lambda p: torch.func.functional_call(module, p, x).sum())(params)
        close(grad(lambda p: functional_call(module, p, x).sum())(params)["weight"], x[None])
