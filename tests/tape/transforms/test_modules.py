"""functional_call: modules of torch as functions of their parameters, without traces in the module."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor, nn
from torch.func import vmap

import tape
from tape import functional_call, grad, jacrev

Params = dict[str, Tensor]


def network(seed: int = 0) -> nn.Sequential:
    module = nn.Sequential(
        nn.Linear(3, 4), nn.Tanh(), nn.LayerNorm(4), nn.Sequential(nn.Linear(4, 4), nn.ReLU()), nn.Linear(4, 2)
    ).double()
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for parameter in module.parameters():
            parameter.uniform_(-1, 1, generator=generator)
    return module


def named(module: nn.Module) -> Params:
    return {name: parameter.detach().clone() for name, parameter in module.named_parameters()}


def loss(module: nn.Module, params: Any, x: Any) -> Any:
    return functional_call(module, params, (x,)).square().sum()


@given(seed=st.integers(0, 1000), rows=st.integers(1, 4))
def test_gradients_are_torchs_own(seed: int, rows: int) -> None:
    module = network(seed)
    x = torch.rand(rows, 3, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))
    expected = torch.autograd.grad(module(x).square().sum(), list(module.parameters()))
    gradients = grad(lambda params: loss(module, params, x))(named(module))
    assert list(gradients) == [name for name, _ in module.named_parameters()]
    for actual, wanted in zip(gradients.values(), expected, strict=True):
        torch.testing.assert_close(actual, wanted)


def test_it_is_torchs_functional_call_on_plain_tensors() -> None:
    module, other, x = network(), named(network(1)), torch.rand(2, 3).double()
    assert functional_call(module, other, x).equal(torch.func.functional_call(module, other, x))
    assert functional_call(module, {}, (x,)).equal(module(x))


def test_per_sample_gradients() -> None:
    module, x = network(), torch.rand(5, 3).double()
    params = named(module)
    of_one = grad(lambda params, x: loss(module, params, x))
    together = vmap(of_one, in_dims=(None, 0))(params, x)
    for i in range(5):
        for name, gradient in of_one(params, x[i]).items():
            torch.testing.assert_close(together[name][i], gradient)


def test_second_order_and_jacobians() -> None:
    module, x = network(), torch.rand(3).double()
    params = named(module)
    ours = jacrev(grad(lambda p: loss(module, p, x)))(params)["4.bias"]
    torchs = torch.func.jacrev(torch.func.grad(lambda p: torch.func.functional_call(module, p, x).square().sum()))
    for name, block in torchs(params)["4.bias"].items():
        torch.testing.assert_close(ours[name], block)


def test_the_module_is_as_it_was_even_after_an_error() -> None:
    module = network()
    before = dict(module.named_parameters())

    class Failing(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.inner = module

        def forward(self, x: Any) -> Any:
            raise KeyError("mine")

    grad(lambda p: loss(module, p, torch.ones(3).double()))(named(module))
    with pytest.raises(KeyError, match="mine"):
        grad(lambda p: functional_call(Failing(), p, 1))({"inner.0.bias": torch.ones(4).double()})
    after = dict(module.named_parameters())
    assert list(after) == list(before)
    assert all(after[name] is before[name] for name in before)


def test_parameters_that_are_not_named_are_the_modules_own_constants() -> None:
    module, x = nn.Linear(2, 1), torch.tensor([3.0, 4.0])
    gradients = grad(lambda p: functional_call(module, p, x).sum())({"weight": torch.zeros(1, 2)})
    assert gradients["weight"].tolist() == [[3, 4]]
    assert functional_call(module, {"weight": torch.zeros(1, 2)}, x).equal(module.bias.detach())


def test_arguments_and_keywords() -> None:
    class Scaled(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.w = nn.Parameter(torch.ones(()))

        def forward(self, x: Any, y: Any = 0.0, *, times: float = 1.0) -> Any:
            return self.w * times * (x + y)

    x = torch.tensor(3.0)
    call = lambda *args, **kwargs: grad(lambda p: functional_call(Scaled(), p, *args, **kwargs))({"w": x})["w"]
    assert call(x) == call((x,)) == 3
    assert call((x, x), {"times": 2.0}) == call(kwargs={"x": x, "y": x, "times": 2.0}) == 12


def test_buffers() -> None:
    module = nn.BatchNorm1d(3).double().eval()
    x = torch.rand(4, 3, dtype=torch.float64)
    buffers = {"running_mean": x.mean(0), "running_var": x.var(0)}
    gradients = grad(lambda b: functional_call(module, b, (x,)).sum())(buffers)
    normal = lambda b: ((x - b["running_mean"]) / torch.sqrt(b["running_var"] + module.eps)).sum()
    for name, wanted in grad(normal)(buffers).items():
        torch.testing.assert_close(gradients[name], wanted)


@pytest.mark.parametrize("name", ["first.weight", "second.weight"])
def test_tied_weights_are_exchanged_everywhere(name: str) -> None:
    class Tied(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.first, self.second = nn.Linear(2, 2, bias=False), nn.Linear(2, 2, bias=False)
            self.second.weight = self.first.weight

        def forward(self, x: Any) -> Any:
            return self.second(self.first(x))

    module, w, x = Tied(), torch.tensor([[1.0, 2.0], [3.0, 4.0]]), torch.ones(2)
    gradient = grad(lambda p: functional_call(module, p, x).sum())({name: w})[name]
    torch.testing.assert_close(gradient, grad(lambda w: (w @ (w @ x)).sum())(w))
    with pytest.raises(tape.TapeError, match="one tensor of the module but have two values"):
        functional_call(module, {"first.weight": w, "second.weight": w + 1}, x)
    same = {"first.weight": w, "second.weight": w}
    assert functional_call(module, same, x).equal(w @ (w @ x))


@pytest.mark.parametrize("name", ["0.weight", "1.weight"])
def test_a_module_that_stands_in_two_places_has_both_names(name: str) -> None:
    linear, w, x = nn.Linear(2, 2, bias=False), torch.tensor([[1.0, 2.0], [3.0, 4.0]]), torch.ones(2)
    assert functional_call(nn.Sequential(linear, linear), {name: w}, x).equal(w @ (w @ x))


def test_what_forward_changes_in_the_module_stays() -> None:
    class Counting(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.register_buffer("calls", torch.zeros((), dtype=torch.int64))
            self.seen = 0
            self.w = nn.Parameter(torch.ones(()))

        def forward(self, x: Any) -> Any:
            self.calls += 1
            self.seen += 1
            return self.w * x

    module = Counting()
    grad(lambda p: functional_call(module, p, torch.ones(())))({"w": torch.ones(())})
    assert module.seen == 1
    assert module.calls == 1


def test_a_name_that_the_module_has_not() -> None:
    message = "Linear has no parameter or buffer 'wieght'; it has weight, bias"
    with pytest.raises(tape.TapeError, match=message):
        functional_call(nn.Linear(2, 1), {"wieght": torch.ones(1, 2)}, torch.ones(2))


@pytest.mark.parametrize("kind", [nn.LSTM, nn.GRU])
def test_recurrent_modules_say_what_to_use(kind: Any) -> None:
    module = kind(2, 2)
    with pytest.raises(tape.TapeError, match=f"{kind.__name__} keeps copies of its parameters"):
        grad(lambda p: functional_call(module, p, torch.ones(3, 2))[0].sum())(named(module))


def test_threads_call_one_module_each_with_its_own_values() -> None:
    module, x = network(), torch.rand(2, 3).double()
    own = [network(seed) for seed in range(4)]
    expected = [torch.autograd.grad(m(x).square().sum(), list(m.parameters())) for m in own]

    def work(seed: int) -> None:
        params = named(own[seed])
        for _ in range(20):
            gradients = grad(lambda p: loss(module, p, x))(params)
            for actual, wanted in zip(gradients.values(), expected[seed], strict=True):
                torch.testing.assert_close(actual, wanted)

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(work, range(4)))  # raises what a thread has raised
