"""Calls of modules at once, nested and from threads: each sees its own values, and none waits for another."""

import copy
import multiprocessing
import sys
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from contextvars import copy_context
from typing import Any

import pytest
import torch
from torch import Tensor, nn

import tape
from tape import functional_call, grad
from tape.transforms import exchanging

SECONDS = 60  # after which a call that should have ended counts as one that waits for ever


def ended(work: Callable[[], Any]) -> Any:
    """The result of some work in a thread of its own, which must end."""
    results: list[Any] = []
    thread = threading.Thread(target=lambda: results.append(work()), daemon=True)
    thread.start()
    thread.join(SECONDS)
    assert not thread.is_alive(), "it waits for ever"
    (result,) = results
    return result


class Around(nn.Module):
    """A module that calls another function where its forward stands."""

    def __init__(self, inside: Callable[["Around", Any], Any]) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(2))
        self.inner = nn.Linear(2, 2, bias=False)
        self.inside = inside

    def forward(self, x: Any) -> Any:
        return self.inside(self, x)


def test_a_call_in_a_threaded_microbatch_in_a_call_ends() -> None:
    def inside(module: Around, x: Any) -> Any:
        loss = lambda w, rows: (functional_call(module.inner, {"weight": w}, rows) ** 2).mean()
        return tape.microbatch(loss, size=2, threads=2)(module.inner.weight, x * module.weight.sum())

    def plain(w: Any, scale: Any, x: Any) -> Any:
        return (((x * scale.sum()) @ w.mT) ** 2).mean()

    module, x = Around(inside), torch.arange(16.0).reshape(8, 2) / 8
    w, scale = torch.tensor([[1.0, 2.0], [3.0, -1.0]]), torch.tensor([0.5, 0.25])
    call = lambda w, scale: functional_call(module, {"inner.weight": w, "weight": scale}, x)
    gradients = ended(lambda: grad(call, (0, 1))(w, scale))
    for actual, wanted in zip(gradients, grad(plain, (0, 1))(w, scale, x), strict=True):
        torch.testing.assert_close(actual, wanted)


def test_two_threads_call_one_module_at_once_each_with_its_own_values() -> None:
    together = threading.Barrier(2, timeout=SECONDS)  # which both reach only if neither waits for the other

    def inside(module: Around, x: Any) -> Any:
        together.wait()
        before = module.weight * x
        together.wait()
        return (before * module.weight).sum()

    module, x = Around(inside), torch.tensor([1.0, 2.0])

    def gradient(w: Tensor) -> Tensor:
        found: Tensor = grad(lambda w: functional_call(module, {"weight": w}, x))(w)
        return found

    with ThreadPoolExecutor(2) as pool:
        found = list(pool.map(gradient, [torch.tensor([1.0, 2.0]), torch.tensor([3.0, 4.0])]))
    assert [g.tolist() for g in found] == [[2, 8], [6, 16]]
    assert type(module._parameters) is dict


@pytest.mark.parametrize("fails", [False, True])
def test_nothing_of_a_call_stays_in_the_module(fails: bool) -> None:
    own, buffers = None, None

    def inside(module: Around, x: Any) -> Any:
        assert type(module._parameters) is not dict
        module.register_buffer("made", torch.ones(1))
        module.weight = nn.Parameter(torch.zeros(2))  # lasts as long as the call
        if fails:
            raise KeyError("mine")
        return module.weight.sum()

    module = Around(inside)
    own, buffers, weight = module._parameters, module._buffers, module.weight
    try:
        assert functional_call(module, {"weight": torch.ones(2)}, torch.ones(2)) == 0
    except KeyError:
        assert fails
    assert module._parameters is own
    assert module._buffers is buffers
    assert module.weight is weight
    assert module.made.tolist() == [1]


def test_what_a_forward_makes_and_deletes_is_made_and_deleted() -> None:
    made = nn.Parameter(torch.zeros(2))

    def inside(module: Around, x: Any) -> Any:
        module.more = nn.Parameter(torch.ones(1))
        del module.spare
        del module.weight
        assert not hasattr(module, "weight")
        module.weight = made
        return x

    module = Around(inside)
    module.spare = nn.Parameter(torch.ones(1))
    functional_call(module, {"weight": torch.ones(2)}, torch.ones(2))
    assert [name for name, _ in module.named_parameters(recurse=False)] == ["more", "weight"]
    assert module.weight is made


def test_a_call_knows_nothing_of_the_calls_before_it() -> None:
    module, x = nn.Linear(2, 2), torch.ones(2)
    functional_call(module, {"weight": torch.zeros(2, 2)}, x)
    assert functional_call(module, {"bias": torch.zeros(2)}, x).equal(x @ module.weight.detach().mT)


@pytest.mark.parametrize("elsewhere", [False, True], ids=["in the call", "in a thread of its own"])
def test_two_names_of_one_value_in_a_call_are_tied_in_it_and_nowhere_else(elsewhere: bool) -> None:
    class Two(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.v, self.w = nn.Parameter(torch.tensor(2.0)), nn.Parameter(torch.tensor(3.0))

        def forward(self, call: Any) -> Any:
            if call is None:
                return self.v * 10 + self.w
            again = lambda: call(self, {"v": torch.tensor(7.0)}, (None,))
            if not elsewhere:
                return again()
            with ThreadPoolExecutor(1) as pool:
                return pool.submit(again).result()

    value = torch.tensor(5.0)
    found = functional_call(Two(), {"v": value, "w": value}, (functional_call,))
    assert found == (73 if elsewhere else 77)
    if not elsewhere:
        torchs = torch.func.functional_call
        assert found == torchs(Two(), {"v": value, "w": value}, (torchs,))


def test_a_dictionary_that_is_kept_beyond_the_call_has_the_modules_own_values() -> None:
    kept: list[Any] = []
    module = Around(lambda module, x: kept.append(module._parameters))
    functional_call(module, {"weight": torch.zeros(2)}, torch.ones(2))
    assert kept[0]["weight"] is module.weight


def test_a_process_that_is_forked_while_a_thread_exchanges_does_not_wait_for_it() -> None:
    held, done = threading.Event(), threading.Event()

    def hold() -> None:
        with exchanging._lock:
            held.set()
            done.wait(SECONDS)

    module, w, x = nn.Linear(2, 2), torch.ones(2, 2), torch.ones(2)
    thread = threading.Thread(target=hold)
    thread.start()
    held.wait(SECONDS)
    child = multiprocessing.get_context("fork").Process(target=functional_call, args=(module, {"weight": w}, x))
    child.start()
    try:
        child.join(SECONDS)
        assert child.exitcode == 0
    finally:
        done.set()
        child.kill()
        thread.join()


def test_bound_methods_and_closures_see_the_values_of_the_call() -> None:
    module = Around(lambda module, x: module.bound(x))  # type: ignore[operator]
    module.bound = module.inner.forward  # type: ignore[assignment]
    x, w = torch.tensor([3.0, 4.0]), torch.zeros(2, 2)
    gradient = grad(lambda w: functional_call(module, {"inner.weight": w}, x).sum())(w)
    assert gradient.tolist() == [[3, 4], [3, 4]]


def test_a_thread_of_a_forward_with_its_context_sees_the_values_of_its_call() -> None:
    def inside(module: Around, x: Any) -> Any:
        with ThreadPoolExecutor(1) as pool:
            return pool.submit(copy_context().run, lambda: module.weight * x).result().sum()

    module, x = Around(inside), torch.tensor([3.0, 4.0])
    assert grad(lambda w: functional_call(module, {"weight": w}, x))(torch.zeros(2)).tolist() == [3, 4]


@pytest.mark.parametrize("calls", [1, 2])
def test_a_thread_that_belongs_to_no_call_sees_the_modules_own_values(calls: int) -> None:
    under_way, looked = threading.Barrier(calls + 1, timeout=SECONDS), threading.Event()

    def inside(module: Around, x: Any) -> Any:
        under_way.wait()
        assert looked.wait(SECONDS)
        return module.weight * x

    module, x = Around(inside), torch.ones(2)
    with ThreadPoolExecutor(calls) as pool:
        weights = [torch.full((2,), 5.0 + i) for i in range(calls)]
        waiting = [pool.submit(functional_call, module, {"weight": w}, x) for w in weights]
        under_way.wait()
        seen = dict(module.named_parameters())["weight"], module.state_dict()["weight"]
        looked.set()
        assert [future.result().tolist() for future in waiting] == [w.tolist() for w in weights]
    assert all(found.tolist() == [1, 1] for found in seen)


def test_threads_of_a_pool_ask_a_module_for_its_parameters_and_call_it() -> None:
    module = Around(lambda module, x: module.weight * x)

    def work(i: int) -> list[float]:
        mine = {name: p.detach() * i for name, p in module.named_parameters()}
        return grad(lambda p: functional_call(module, p, torch.ones(2)).square().sum())(mine)["weight"].tolist()

    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(work, range(64))) == [[2.0 * i] * 2 for i in range(64)]


def test_what_the_inner_of_two_calls_does_not_name_is_the_outer_ones() -> None:
    class Affine(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.w, self.b = nn.Parameter(torch.ones(())), nn.Parameter(torch.ones(()))

        def forward(self, x: Any, again: bool = False) -> Any:
            return functional_call(self, {"w": self.w * 2}, (x, False)) if again else self.w * x + self.b

    module, x = Affine(), torch.tensor(3.0)
    gradients = grad(lambda p: functional_call(module, p, (x, True)))({"w": x, "b": x})
    assert {name: g.item() for name, g in gradients.items()} == {"w": 6, "b": 1}


def test_any_number_of_calls_are_in_force_at_once() -> None:
    """A value is looked up once, and not through the dictionaries of all the calls."""
    module = nn.Linear(2, 2)
    own, w = module.weight, torch.zeros(2, 2)
    place = id(module), "_parameters"
    exchange = exchanging.Exchange(module, "_parameters", {"weight": w})
    with ExitStack() as calls:
        for _ in range(sys.getrecursionlimit()):
            calls.enter_context(exchanging.in_force({place: exchange}))
        assert module.weight is w
    assert module.weight is own


def test_what_a_call_begins_with_is_copied_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Another thread may take a parameter away at any time, as it does here whenever values are looked up."""
    module = nn.Linear(2, 2)
    own, found = module._parameters, exchanging.exchanges
    place = id(module), "_parameters"

    def meanwhile() -> exchanging.Exchanges:
        own.pop("bias", None)
        return found()

    with exchanging.in_force({place: exchanging.Exchange(module, "_parameters", {"weight": 5})}):
        monkeypatch.setattr(exchanging, "exchanges", meanwhile)
        assert exchanging.seen_here(module, "_parameters") == {"weight": 5}
        monkeypatch.undo()


def test_a_checkpoint_in_a_forward_sees_the_values_in_its_second_run() -> None:
    module = Around(lambda module, x: tape.checkpoint(lambda x: torch.sin(module.inner(x)))(x).sum())
    straight = Around(lambda module, x: torch.sin(module.inner(x)).sum())
    w, x = torch.tensor([[1.0, 2.0], [3.0, 4.0]]), torch.tensor([0.1, 0.2])
    of = lambda module: grad(lambda w: functional_call(module, {"inner.weight": w}, x))(w)
    assert of(straight).abs().min() > 0
    torch.testing.assert_close(of(module), of(straight))


def test_in_a_call_the_module_is_listed_copied_and_saved_as_it_looks() -> None:
    seen: dict[str, Any] = {}

    def inside(module: Around, x: Any) -> Any:
        seen["names"] = [name for name, _ in module.named_parameters()]
        seen["state"] = module.state_dict()["weight"].tolist()
        seen["copy"] = copy.deepcopy(module.inner)
        seen["dict"] = {**module._parameters}, module._parameters.copy(), len(module._parameters)
        return x

    module, w = Around(inside), torch.tensor([5.0, 6.0])
    functional_call(module, {"weight": w, "inner.weight": torch.zeros(2, 2)}, torch.ones(2))
    assert seen["names"] == ["weight", "inner.weight"]
    assert seen["state"] == [5, 6]
    assert type(seen["copy"]._parameters) is dict
    assert seen["copy"].weight.tolist() == [[0, 0], [0, 0]]
    assert seen["dict"][0]["weight"] is w
    assert seen["dict"][1]["weight"] is w
    assert seen["dict"][2] == 1
