"""The networks that come with the package, by the kind of noise that they take away.

How each was made stands in README.md.
"""

from n2n.denoising.weights.bundle import bundled, names, packed

__all__ = ["bundled", "names", "packed"]
