"""Puts the network of a run into a file of the bundle: `python -m n2n.denoising.weights RUN FILE`."""

import sys
from pathlib import Path

import torch

from n2n.denoising.weights import packed
from n2n.images.files import write_whole
from n2n.training.run import trained_network

__all__ = ["main"]


def main(run: str, file: str) -> None:
    """Overwrites the file."""
    write_whole(Path(file), packed(trained_network(Path(run), torch.device("cpu"))))


if __name__ == "__main__":
    main(*sys.argv[1:])
