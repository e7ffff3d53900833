"""The walk over the range of each dtype: every function is on it, and none is worse than torch's own."""

import math
from typing import Any

import pytest
import torch
import torch.nn.functional as F

import nn  # noqa: F401 - what it implements is walked too
import tape
from tape.core.domain import Real
from tape.core.traced import Traced
from tape.verify.__main__ import main
from tape.verify.ranges import DTYPES, run_walk, walk, walking
from tape.verify.ranges.calls import CALLS
from tape.verify.ranges.comparing import NOT_FINITE, Outcome, Undefined, compare
from tape.verify.ranges.differing import is_refuted
from tape.verify.ranges.drawing import Point, drawn, magnitudes, points
from tape.verify.ranges.example import call, matrix, name_of, wide
from tape.verify.ranges.exceptions import MODULES, NOT_WALKED, unwalked

images = wide("1 3 6 6")

# `nn` stands on the engine, which therefore cannot know how these are called.
LAYERS = (
    call(F.conv2d, images, wide("4 3 3 3"), wide("4"), padding=1),
    call(F.conv2d, wide("1 32 5 5"), wide("4 32 3 3")),
    call(F.conv_transpose2d, images, wide("3 4 2 2"), wide("4"), stride=2),
    call(F.max_pool2d, images, 2),
    call(F.avg_pool2d, images, 2),
    call(F.interpolate, images, scale_factor=2.0),
    call(F.mse_loss, wide("4 6"), wide("4 6")),
    call(F.mse_loss, wide("2 3000"), wide("2 3000")),
    call(F.l1_loss, wide("4 6"), wide("4 6")),
)
EXAMPLES = (*CALLS, *LAYERS)
BY_NAME: dict[str, list[Any]] = {}
for _example in EXAMPLES:
    BY_NAME.setdefault(name_of(_example.function), []).append(_example)


@pytest.mark.parametrize("name", BY_NAME)
def test_a_function_is_no_worse_than_torchs(name: str) -> None:
    found = walk(BY_NAME[name], few=True)
    assert found.calls > 0
    assert not found.findings, "\n".join(map(str, found.findings))


def test_no_function_is_left_out() -> None:
    assert len(BY_NAME) >= 300
    left_out = unwalked({example.function for example in EXAMPLES})
    assert not left_out, f"give these a call in tape/verify/ranges/calls, or a reason: {left_out}"
    assert unwalked({example.function for example in CALLS}), "what nn implements has to be noticed"


def test_what_is_not_walked_has_a_reason_and_is_there() -> None:
    for function, reason in NOT_WALKED.items():
        assert function in Traced.functions
        assert reason
    modules = {implementation.__module__ for implementation, _ in Traced.functions.values()}
    assert set(MODULES) <= modules


@pytest.mark.parametrize("dtype", DTYPES)
def test_the_whole_range_is_walked(dtype: torch.dtype) -> None:
    info = torch.finfo(dtype)
    tried = [point.magnitude for point in points(call(torch.mul, wide("2"), wide("2")), dtype)]
    assert {0.0, info.tiny, 1.0, 300.0, info.max / 4} <= set(tried) <= set(magnitudes(dtype))
    assert min(m for m in tried if m) < info.tiny


def test_the_same_seed_draws_the_same_numbers() -> None:
    example = call(torch.mul, wide("3"), wide("3"))
    for point in points(example, torch.float32):
        (first, again), (same, _) = (
            drawn(example, point, torch.float32, 1)[0],
            drawn(example, point, torch.float32, 1)[0],
        )
        torch.testing.assert_close(first, same, rtol=0, atol=0, equal_nan=True)
        if point.pattern != "equal" or point.alone is not None:
            assert point.magnitude < 1e-9 or not torch.equal(first, again)


def test_one_tensor_alone_is_scaled_while_the_others_stay() -> None:
    example = call(torch.mul, wide("3"), wide("3"))
    alone = [point for point in points(example, torch.float32) if point.alone == 1 and point.magnitude == 300.0]
    for point in alone:
        (first, second), _ = drawn(example, point, torch.float32, 0)
        assert first.abs().max() <= 1 < 100 < second.abs().max()
    assert alone


def halved(x: Any) -> Any:
    """A mean of squares that overflows in float16 before it is halved."""
    return torch.sqrt(torch.sum(x * x)) / 2


def right(x: Any) -> Any:
    return (torch.linalg.vector_norm(x.to(torch.float32)) / 2).to(x.dtype)


def test_an_overflow_inside_and_a_loss_of_digits_are_faults() -> None:
    def theirs(x: Any) -> Any:
        return torch.linalg.vector_norm(x) / 2

    large = torch.tensor([300.0, 300.0, -300.0], dtype=torch.float16)
    assert next(o.broken for o in compare(halved, theirs, (large,), {}, [0])) == "not finite"
    assert not any(o.wrong for o in compare(right, theirs, (large,), {}, [0]))
    small = torch.tensor([0.3, -0.5], dtype=torch.float16)
    (value, gradient) = compare(lambda x: (x + 100) - 100, torch.clone, (small,), {}, [0])
    assert value.wrong
    assert value.off > 4 > value.torch_off
    assert not gradient.wrong


def test_a_wrong_dtype_and_an_error_of_ours_are_faults() -> None:
    x = torch.ones(2, dtype=torch.float16)
    assert "float32[2] where torch has float16[2]" in compare(lambda x: x.float(), torch.clone, (x,), {}, [0])[0].broken

    def refuses(x: Any) -> Any:
        raise tape.TapeError("no")

    assert compare(refuses, torch.clone, (x,), {}, [0])[0].broken == "TapeError: no"


def test_a_refusal_is_none_where_torch_has_no_number() -> None:
    def refuses(x: Any) -> Any:
        raise RuntimeError("singular")

    with pytest.raises(Undefined, match="singular"):
        compare(refuses, torch.log, (-torch.ones(2),), {}, [0])
    assert compare(refuses, torch.log, (torch.ones(2),), {}, [0])[0].broken == "RuntimeError: singular"


def doubles(*entries: float) -> torch.Tensor:
    return torch.tensor(entries, dtype=torch.float64)


class Doubled(torch.autograd.Function):
    """A right value with a wrong derivative."""

    @staticmethod
    def forward(ctx: Any, x: Any) -> Any:
        return 2 * x

    @staticmethod
    def backward(ctx: Any, g: Any) -> Any:
        return 3 * g


def test_a_derivative_of_torchs_that_its_own_values_refute_is_no_judge() -> None:
    x = (torch.tensor([1.0, -2.0]),)

    def wrong(outcomes: Any) -> list[bool]:
        return [outcome.wrong for outcome in outcomes]

    assert wrong(compare(lambda x: 2 * x, Doubled.apply, x, {}, [0])) == [False, False]
    assert wrong(compare(lambda x: 2.2 * x, Doubled.apply, x, {}, [0])) == [True, True]
    assert wrong(compare(lambda x: 2 * x, lambda x: Doubled.apply(x) + 0.2 * x, x, {}, [0])) == [True, True]
    assert wrong(compare(lambda x: 2 * torch.sum(x), lambda x: 2 * torch.amax(x), x, {}, [0]))[1]


def test_a_kink_refutes_nothing() -> None:
    tied = [doubles(1.0, 1.0)]
    halves, ones = [doubles(0.5, 0.5)], [doubles(0.0, 2.0)]
    assert is_refuted(ones, halves, lambda x: [torch.amax(x[0])], tied)
    assert not is_refuted(halves, ones, lambda x: [torch.amax(x[0])], tied)
    assert not is_refuted(ones, [doubles(torch.nan, 0.5)], lambda x: [torch.amax(x[0])], tied)


def test_what_no_value_shows_is_refuted_unless_both_agree() -> None:
    x, curved, flat = [doubles(1e-38)], [doubles(-3e-38)], [doubles(0.0)]
    assert is_refuted(flat, curved, lambda x: [torch.sinc(x[0])], x)
    assert not is_refuted(curved, curved, lambda x: [torch.sinc(x[0])], x)
    assert not is_refuted([doubles(2e-38)], flat, lambda x: [x[0] * x[0]], x)  # a square of 1e-38 is one in float64


def test_a_sum_that_torch_loses_in_another_draw_means_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    lost = {"torch_lost": True}
    for dtype, seen, faults in (
        (torch.float32, {}, 1),
        (torch.float32, lost, 0),
        (torch.float16, lost, 1),
    ):
        draws = iter([[Outcome("value", NOT_FINITE)]] + 16 * [[Outcome("value", **seen)]])
        monkeypatch.setattr(walking, "_at", lambda *_, draws=draws: next(draws))
        monkeypatch.setattr(walking, "points", lambda *_: [Point(1.0, "mixed")])
        assert len(walk([call(torch.square, wide("3"))], [dtype]).findings) == faults


def test_no_number_drawn_is_infinite() -> None:
    example = call(torch.linalg.det, matrix("4 4"))
    for point in points(example, torch.float16):
        assert drawn(example, point, torch.float16, 0)[0][0].isfinite().all()


def test_a_planted_fault_is_found_and_named(monkeypatch: pytest.MonkeyPatch) -> None:
    def softmax(x: Any, dim: int) -> Any:
        return torch.exp(x) / torch.exp(x).sum(dim, True)

    monkeypatch.setitem(Traced.functions, F.softmax, (softmax, softmax))
    found = walk([call(F.softmax, wide("4 6"), 1)], [torch.float16], few=True)
    assert found.wrong == {"torch.nn.functional.softmax"}
    assert "real[4, 6], 1) in float16" in str(found.findings[0])
    assert "not finite" in str(found.findings[0])


def test_the_command_walks_by_name(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["ranges", "--few", "--only", "square", "--dtype", "float32"]) == 0
    assert "1 functions on 7 calls: 0 are worse than torch's" in capsys.readouterr().out
    for options, said in (({"only": "no such"}, "contains 'no such'"), ({"dtypes": ["int8"]}, "not int8")):
        with pytest.raises(ValueError, match=said):
            run_walk(few=True, **options)


def test_the_examples_have_shapes_and_the_numbers_are_bounded_where_they_say() -> None:
    for example in EXAMPLES:
        for point in points(example, torch.float16, few=True):
            args, options = drawn(example, point, torch.float16, 0)
            leaves = tape.tree.leaves((args, options))
            for spec, value in zip(example.specs(), leaves, strict=True):
                if isinstance(spec, Real) and spec.high != math.inf:
                    assert spec.low <= float(value.min()) <= float(value.max()) <= spec.high, example
            break
