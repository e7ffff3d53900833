"""How a list of dimensions or sizes may be written: alone, as a sequence, counted from either end."""

from typing import Any

import pytest

from tape.ops.spelling import axis, dims, varargs


def test_integers_of_their_own_become_one_sequence() -> None:
    spread = varargs(lambda x, size, *rest, **options: (size, rest, options))
    assert spread("x", 2, 3) == ((2, 3), (), {})
    assert spread("x", 2) == (2, (), {})
    assert spread("x", (2, 3), True) == ((2, 3), (True,), {})
    assert spread("x", 2, 3, True, key=1) == ((2, 3), (True,), {"key": 1})


@pytest.mark.parametrize(("dim", "rank", "counted"), [(0, 3, 0), (-1, 3, 2), (2, 3, 2), (-1, 0, 0), (0, 0, 0)])
def test_a_dimension_is_counted_from_0(dim: int, rank: int, counted: int) -> None:
    assert axis(dim, rank) == counted


@pytest.mark.parametrize(("dim", "rank"), [(3, 3), (-4, 3), (1, 0)])
def test_a_dimension_out_of_range_is_refused(dim: int, rank: int) -> None:
    with pytest.raises(IndexError, match=f"dimension {dim} .* between"):
        axis(dim, rank)


@pytest.mark.parametrize(
    ("dim", "rank", "counted"),
    [(None, 2, (0, 1)), ((), 2, (0, 1)), (-1, 2, (1,)), ((1, 0), 2, (0, 1)), (None, 0, ()), (0, 0, ())],
)
def test_a_reductions_dimensions_are_counted_in_order(dim: Any, rank: int, counted: tuple[int, ...]) -> None:
    assert dims(dim, rank) == counted
