import pytest
import torch

from n2n.images import Picture


def test_a_picture_has_the_shape_that_it_promises() -> None:
    with pytest.raises(ValueError, match=r"\(1 or 3, H, W\)"):
        Picture(torch.zeros(2, 4, 4))
    with pytest.raises(ValueError, match="alpha"):
        Picture(torch.zeros(3, 4, 4), alpha=torch.zeros(4, 5))
    with pytest.raises(ValueError, match="8 or 16"):
        Picture(torch.zeros(3, 4, 4), depth=12)
