"""Properties of memory: nothing is changed, nothing shared, nothing kept, and all of it twice the same."""

from collections.abc import Sequence
from typing import Any

from torch import Tensor
from torch.multiprocessing.reductions import StorageWeakRef
from torch.utils._python_dispatch import TorchDispatchMode

from tape import tree
from tape.core.traced import raw
from tape.verify.trial import Trial, copies
from tape.verify.violation import Violation, expect_close, expect_equal


def mutates_nothing(trial: Trial, tolerance: float) -> str | None:
    """Inputs, cotangent and residuals are as they were; and whatever is later written into a result stays there."""
    inputs, cotangents = copies(trial.inputs), copies(trial.cotangents)
    outputs, pullback = trial.record()
    first = pullback(trial.cotangents)
    expect_equal("the inputs after the call", trial.inputs, inputs)
    expect_equal("the cotangent after the pullback", trial.cotangents, cotangents)
    kept = [g.clone() for g in first]
    again = pullback(trial.cotangents)
    expect_close("the pullback, called again with the same cotangent", again, kept, tolerance)
    shared = [(f"output {i}", y) for i, y in enumerate(outputs) if isinstance(y, Tensor)]
    shared += [(f"the cotangent of input {trial.paths[p]}", g) for p, g in zip(trial.places, first, strict=True)]
    others = [("the inputs", x) for x in trial.inputs] + [("the given cotangent", c) for c in trial.cotangents]
    _write_into_each(shared, others)
    again = pullback(trial.cotangents)
    expect_close("the pullback, after its results were written into", again, kept, tolerance)
    return None


def _write_into_each(results: Sequence[tuple[str, Tensor]], others: Sequence[tuple[str, Any]]) -> None:
    before = [(name, x, x.clone()) for name, x in [*results, *others] if x is not None]
    for i, (written, result) in enumerate(results):
        result.fill_(float("nan") if result.is_floating_point() else 1)
        for name, x, old in before[i + 1 :]:
            expect_equal(f"{name}, after {written} was written into", [x], [old])


def repeats(trial: Trial, tolerance: float) -> str | None:
    # Each run has its own copy of everything: what one run writes into its inputs is another property's to find.
    (outputs, first), (again, second) = (
        (out, pullback(copies(trial.cotangents)))
        for out, pullback in (trial.record(*copies(trial.inputs)) for _ in range(2))
    )
    expect_close("the value, a second time", again, outputs, tolerance)
    expect_close("the cotangent, a second time", second, first, tolerance)
    return None


def frees_its_residuals(trial: Trial, tolerance: float) -> str | None:
    """Of all that a run allocates, a single-use pullback that has been used holds nothing but the outputs."""
    del tolerance
    trial.gradients  # noqa: B018 - a run that fills whatever is cached once and for all
    held: list[Any] = []

    def f(*inputs: Any) -> list[Any]:
        results = trial.f(*inputs)
        held.extend(raw(leaf) for leaf in results)
        return results

    with _Allocations() as allocations:
        outputs, pullback = trial.vjp(f, *trial.inputs, keep=False)
        results = pullback(trial.cotangents)
    allowed = {_address(x) for x in tree.leaves((held, outputs, results)) if isinstance(x, Tensor)}
    alive = [shape for shape, address, storage in allocations.seen if address not in allowed and not storage.expired()]
    if alive:
        raise Violation("the tensors that are alive after the sweep, besides outputs and cotangents", [], alive)
    held.clear()
    del outputs, pullback, results
    alive = [shape for shape, _, storage in allocations.seen if not storage.expired()]
    if alive:
        raise Violation("the tensors that are alive after all results are gone", [], alive)
    return None


class _Allocations(TorchDispatchMode):
    """Weak references to the memory of every tensor that torch makes meanwhile."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.seen: list[tuple[str, int, Any]] = []
        self._known: set[int] = set()

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        del types
        for x in tree.leaves((args, kwargs)):
            if isinstance(x, Tensor):
                self._known.add(_address(x))
        results = func(*args, **(kwargs or {}))
        for x in results if isinstance(results, (tuple, list)) else (results,):
            if isinstance(x, Tensor) and _address(x) not in self._known:
                # Other names for memory that was there before, or has been seen, are no allocations.
                self._known.add(_address(x))
                self.seen.append((f"{tuple(x.shape)} of {func}", _address(x), StorageWeakRef(x.untyped_storage())))
        return results


def _address(x: Tensor) -> int:
    return int(x.untyped_storage()._cdata)
