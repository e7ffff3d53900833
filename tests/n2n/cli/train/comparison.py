"""When two checkpoints are the same."""

from pathlib import Path

import torch
from safetensors.torch import load_file


def equal(a: Path, b: Path) -> bool:
    left, right = load_file(a), load_file(b)
    return left.keys() == right.keys() and all(torch.equal(left[name], right[name]) for name in left)
