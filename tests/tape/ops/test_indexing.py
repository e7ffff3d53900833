"""Indexing: every kind of index, and entries that are taken more than once."""

from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

import tape

sizes = (4, 3, 5)


@st.composite
def indices(draw: st.DrawFn) -> Any:
    """An index for a tensor of `sizes`: numbers, slices, None, Ellipsis, and tensors that broadcast together."""
    shape = draw(st.sampled_from([(2,), (2, 1), (1, 2), ()]))
    parts: list[Any] = []
    for size in sizes[: draw(st.integers(0, 3))]:
        whole = st.integers(-size, size - 1)
        bounds = st.none() | whole
        parts.append(
            draw(
                whole
                | st.builds(slice, bounds, bounds, st.none() | st.integers(1, 3))
                | st.builds(
                    lambda seed, size=size: torch.randint(
                        -size, size, shape, generator=torch.Generator().manual_seed(seed)
                    ),
                    st.integers(0, 99),
                )
                | st.lists(st.booleans(), min_size=size, max_size=size).filter(lambda b: sum(b) == 2).map(torch.tensor)
            )
        )
    if draw(st.booleans()):
        parts.insert(draw(st.integers(0, len(parts))), None)
    if draw(st.booleans()):
        parts.append(Ellipsis)
    return tuple(parts)


@given(index=indices())
def test_any_index_gives_torchs_value_and_gradients(index: Any) -> None:
    x = torch.arange(60, dtype=torch.float64).reshape(sizes)
    required = x.clone().requires_grad_()
    expected = required[index]
    out, pullback = tape.vjp(lambda x: x[index], x)
    torch.testing.assert_close(out, expected.detach())
    g = torch.arange(expected.numel(), dtype=torch.float64).reshape(expected.shape) + 1
    if expected.requires_grad and expected.numel():
        torch.testing.assert_close(pullback(g), torch.autograd.grad(expected, required, g))
    # What indexing gives depends on x linearly, so the pullback of its pullback is indexing again.
    _, again = tape.vjp(lambda g: tape.vjp(lambda x: x[index], x)[1](g)[0], g)
    torch.testing.assert_close(again(x), (x[index],))


def test_an_entry_taken_twice_gets_both_cotangents() -> None:
    gradient = tape.grad(lambda x: (x[[0, 0, 1]] * torch.tensor([1.0, 2.0, 4.0])).sum())(torch.zeros(3))
    assert gradient.tolist() == [3, 4, 0]


def test_a_mask_that_depends_on_the_values(agrees_with_torch: Any, doubles: Any) -> None:
    agrees_with_torch(lambda x: x[x > 0] ** 2, doubles(-1, 2, 3))


@pytest.mark.parametrize("accumulate", [False, True])
@pytest.mark.parametrize("values", [(2,), (1,), ()])
def test_index_put_spreads_its_values(accumulate: bool, values: tuple[int, ...], agrees_with_torch: Any) -> None:
    places = (torch.tensor([2, 0]),)
    agrees_with_torch(
        lambda x, v: torch.index_put(x * 2, places, v**2, accumulate),
        torch.ones(3, dtype=torch.float64),
        torch.full(values, 3.0, dtype=torch.float64),
    )


def test_index_put_of_traced_values_into_a_plain_tensor() -> None:
    def f(v: Any) -> Any:
        return (torch.index_put(torch.zeros(3), (torch.tensor([1]),), v) * torch.tensor([1.0, 2.0, 3.0])).sum()

    assert tape.grad(f)(torch.ones(1)).tolist() == [2]


def test_entries_beyond_the_index_of_scatter_add_get_zeros() -> None:
    index = torch.tensor([[0, 1], [1, 1]])
    src = torch.ones(3, 3)
    _, pullback = tape.vjp(lambda src: torch.scatter_add(torch.zeros(2, 4), 1, index, src), src)
    g = torch.arange(8.0).reshape(2, 4)
    assert pullback(g)[0].tolist() == [[0, 1, 0], [5, 5, 0], [0, 0, 0]]


@pytest.mark.parametrize("index", [7, (0, 0, 0, 0), torch.tensor([9]), "name", torch.tensor([True])])
def test_a_wrong_index_is_refused(index: Any) -> None:
    with pytest.raises((IndexError, TypeError)):
        tape.vjp(lambda x: x[index], torch.zeros(sizes))


def test_a_traced_index_of_its_own_level_is_an_integer(doubles: Any) -> None:
    x: Tensor = doubles(3, 1, 2)
    assert tape.grad(lambda x: x[x.argmin()] + x[x.long()[1]])(x).tolist() == [0, 2, 0]
