"""Judges of mutants: the checks that ought to notice one."""

import contextlib
import functools
import gc
import multiprocessing
import os
import signal
import tempfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import IO, Any, NamedTuple

import torch
from hypothesis import HealthCheck, Phase, given, settings
from torch import Tensor

import tape
from tape.core.registry import registry
from tape.verify.checking import check
from tape.verify.differences import difference, flat, inner
from tape.verify.drawing import Call, calls

__all__ = ["Judge", "by_differences", "by_properties", "by_rooms", "by_tests", "time_limit"]

Judge = Callable[[str], None]
"""Verifies an op or a module, given its name; raises if it finds a fault."""

_EXAMPLES = 40
_STEP = 1e-4
# The parts of the engine are verified by what they do together; what takes long comes last.
_ENGINE_TESTS = (
    "core/primitive",
    "core/test_sweep.py",
    "core/test_traced.py",
    "core/calling",
    "core/boundary",
    "test_errors.py",
    "programs/test_tracing.py",
    "transforms",
    "edges",
    "core/test_long_programs.py",
)
_COMPILING_TESTS = (
    *(f"compiling/test_{name}.py" for name in ("surroundings", "arguments", "simplifying", "planning", "verified")),
    "compiling",
)
_ROOMS = {"core": _ENGINE_TESTS, "transforms": _ENGINE_TESTS, "compiling": _COMPILING_TESTS}


class _Example(NamedTuple):
    """One call of an op, with what its derivatives are by finite differences."""

    f: Callable[..., list[Any]]
    inputs: list[Tensor]
    cotangents: list[Any]
    gradients: list[Tensor]
    seeds: list[Any]
    direction: list[Any]
    second: Tensor


def by_differences(op: str) -> None:
    """Compares an op's rules with finite differences, in both orders; raises AssertionError.

    The calls and their differences are worked out once, so that a mutant costs milliseconds.
    """
    for example in _examples(op):
        gradients = _pulled(example, *example.inputs, *_given(example.cotangents))
        for actual, expected in zip(gradients, example.gradients, strict=True):
            assert actual.dtype == expected.dtype
            assert actual.shape == expected.shape
            torch.testing.assert_close(actual, expected, rtol=1e-5, atol=1e-6)
        _, pullback = tape.vjp(
            lambda *values, e=example: _pulled(e, *values), *example.inputs, *_given(example.cotangents)
        )
        second = inner(pullback(example.seeds), example.direction)
        torch.testing.assert_close(second, example.second, rtol=1e-5, atol=1e-5)


def _pulled(example: _Example, *values: Any) -> list[Any]:
    """The cotangents of the inputs, as a function of the inputs and the cotangents."""
    count = len(example.inputs)
    _, pullback = tape.vjp(example.f, *values[:count])
    given = iter(values[count:])
    return list(pullback([None if c is None else next(given) for c in example.cotangents]))


def _given(cotangents: Sequence[Any]) -> list[Tensor]:
    return [c for c in cotangents if c is not None]


@functools.cache
def _examples(op: str) -> list[_Example]:
    primitive, domain = registry[op]
    found: list[_Example] = []

    @settings(
        max_examples=_EXAMPLES,
        derandomize=True,
        database=None,
        deadline=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(calls(domain))
    def collect(call: Call) -> None:
        f, inputs = _differentiable(primitive, call)
        outputs = f(*inputs)
        if all(y.dtype == torch.float64 for y in outputs if y.is_floating_point()):
            found.append(_example(f, inputs, outputs, len(found)))

    collect()
    return found


def _example(f: Callable[..., list[Any]], inputs: list[Tensor], outputs: list[Any], seed: int) -> _Example:
    generator = torch.Generator().manual_seed(seed)
    cotangents = _random(outputs, generator)
    values = [*inputs, *_given(cotangents)]
    seeds, direction = _random(inputs, generator), _random(values, generator)
    gradients = [_gradient(f, inputs, place, cotangents) for place in range(len(inputs))]
    example = _Example(f, inputs, cotangents, gradients, seeds, direction, torch.zeros(()))
    second = difference(lambda *values: _pulled(example, *values), values, direction, _STEP) @ flat(seeds)
    return example._replace(second=second)


def _gradient(f: Callable[..., list[Any]], inputs: list[Tensor], place: int, cotangents: list[Any]) -> Tensor:
    """By differences, the gradient of the outputs' inner product with the cotangents, in one input."""
    gradient = torch.zeros_like(inputs[place])
    for entry in range(gradient.numel()):
        direction = [torch.zeros_like(x) for x in inputs]
        direction[place].view(-1)[entry] = 1.0
        gradient.view(-1)[entry] = difference(f, inputs, direction, _STEP) @ flat(cotangents)
    return gradient


def _random(like: Sequence[Any], generator: torch.Generator) -> list[Any]:
    return [torch.randn(x.shape, generator=generator, dtype=x.dtype) if x.is_floating_point() else None for x in like]


def _differentiable(primitive: Any, call: Call) -> tuple[Callable[..., list[Any]], list[Tensor]]:
    """The primitive as a function of its floating-point arguments alone, and those arguments."""
    leaves, treedef = tape.tree.flatten((call.args, call.kwargs))
    static = {id(leaf) for name in primitive.static for leaf in tape.tree.leaves(call.kwargs.get(name))}
    places = [
        i
        for i, leaf in enumerate(leaves)
        if isinstance(leaf, Tensor) and leaf.is_floating_point() and id(leaf) not in static
    ]

    def f(*inputs: Any) -> list[Any]:
        filled = list(leaves)
        for place, x in zip(places, inputs, strict=True):
            filled[place] = x
        args, kwargs = tape.tree.unflatten(treedef, filled)
        return list(tape.tree.leaves(primitive(*args, **kwargs)))

    return f, [leaves[i] for i in places]


def by_tests(module: str) -> None:
    """Runs the unit tests of a module, files or a folder, if they are there; raises AssertionError if one fails."""
    if own := _own_tests(module):
        _run([*own, *map(str, Path("tests/tape/verify").glob("test_mutants_survivors.py"))])


def by_rooms(module: str) -> None:
    """Runs the other tests of a module's room and of those that rest on it; raises AssertionError if one fails."""
    room = module.split(".")[1]
    if room in _ROOMS:
        # No test runs twice.
        own = [f"--ignore={place}" for place in _own_tests(module)]
        _run([*(str(Path("tests", "tape", place)) for place in _ROOMS[room]), *own])


def _own_tests(module: str) -> list[str]:
    *rooms, name = module.split(".")
    places = [*sorted(Path("tests", *rooms).glob(f"test_{name}*.py")), Path("tests", *rooms, name)]
    return [str(place) for place in places if place.exists()]


def _run(arguments: list[str]) -> None:
    """Runs some tests, until one fails.

    In a child, because a second run in one process finds the modules and the counts that the first one left:
    hypothesis then refuses tests that it knows, and the mutant would seem to have been noticed.
    """
    import pytest  # noqa: F401 - the child has it then

    with tempfile.TemporaryFile("w+") as quiet:
        child = multiprocessing.get_context("fork").Process(target=_in_child, args=(arguments, quiet))
        child.start()
        try:
            child.join()
        finally:
            child.kill()
            child.join()
        quiet.seek(0)
        assert child.exitcode == 0, quiet.read()[-500:]


def _in_child(arguments: list[str], quiet: IO[str]) -> None:
    import pytest

    gc.freeze()  # what the parent has is nobody's garbage, and pytest collects often
    torch.set_num_threads(1)  # the parent's threads did not come along
    os.environ["HYPOTHESIS_STORAGE_DIRECTORY"] = tempfile.gettempdir()  # failures of mutants are not kept
    # Plain asserts: pytest rewrites them to explain, which nobody reads here.
    options = ["-x", "-q", "-p", "no:cacheprovider", "--tb=no", "--assert=plain", "--hypothesis-seed=0", "-n", "0"]
    # Hypothesis warns where it was at work before pytest began; other judges have put it to work.
    options += ["-W", "ignore::hypothesis.errors.HypothesisSideeffectWarning"]
    with contextlib.redirect_stdout(quiet), contextlib.redirect_stderr(quiet):
        code = int(pytest.main([*arguments, *options], plugins=[_Unshrunk()]))
        quiet.flush()
    os._exit(code)


class _Unshrunk:
    """That a test fails is enough: hypothesis need not look for the smallest example, which takes most of the time."""

    def pytest_configure(self) -> None:
        phases = [phase for phase in settings().phases if phase not in (Phase.shrink, Phase.explain)]
        settings.register_profile("unshrunk", settings(), phases=phases)
        settings.load_profile("unshrunk")


def by_properties(op: str) -> None:
    """Holds an op to the properties in all of its domain, as the test of the registry does; raises AssertionError.

    It sees what differences cannot: conventions at kinks, float32, layouts, refusals. A check takes a second.
    """
    primitive, domain = registry[op]
    check(primitive, domain=domain, skip={"mutants": "the mutants are what is tested"})


@contextlib.contextmanager
def time_limit(seconds: float) -> Iterator[None]:
    """Raises TimeoutError in a computation that takes longer, for mutants that never end."""

    def end(*_: Any) -> None:
        raise TimeoutError(f"not done after {seconds} s")

    before = signal.signal(signal.SIGALRM, end)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
