import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

import tape
from n2n.tiling import in_tiles


@given(count=st.integers(0, 12), tile=st.integers(1, 15), reduction=st.sampled_from(["mean", "sum"]))
def test_tiles_give_the_value_and_gradient_of_the_whole(count: int, tile: int, reduction: str) -> None:
    generator = torch.Generator().manual_seed(count)
    shapes = ((3,), (count, 3), (count,), (count,))
    w, x, y, mask = (torch.randn(*shape, generator=generator).double() for shape in shapes)

    def loss(params: dict[str, Tensor], x: Tensor, y: Tensor, mask: Tensor, p: float) -> Tensor:
        errors = ((torch.tanh(x @ params["w"]) - y) ** p) * mask
        return errors.mean() if reduction == "mean" and count else errors.sum()

    whole = tape.value_and_grad(loss)
    expected = whole({"w": w}, x, y, mask, 2)
    actual = in_tiles(whole, tile, reduction)({"w": w}, x, y, mask, 2)
    for a, e in zip(tape.tree.leaves(actual), tape.tree.leaves(expected), strict=True):
        torch.testing.assert_close(a, e)


@pytest.mark.parametrize("value", [0.5, torch.tensor(0.5), torch.tensor([0.5, 1.0])])
def test_what_is_not_of_the_batch_goes_to_each_tile_whole(value: object) -> None:
    seen = []

    def value_and_grad(params: torch.Tensor, x: torch.Tensor, extra: object) -> tuple[torch.Tensor, torch.Tensor]:
        seen.append((len(x), extra))
        return torch.zeros(()), torch.zeros(())

    in_tiles(value_and_grad, 2)(torch.zeros(()), torch.zeros(5, 1), value)
    assert [rows for rows, _ in seen] == [2, 2, 1]
    assert all(extra is value for _, extra in seen)
