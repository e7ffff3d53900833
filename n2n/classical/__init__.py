"""What takes noise away, or measures it, without having learned anything.

The filters that an evaluation compares with, and what only they need, are not imported before they are asked for.
"""

from n2n.classical.anscombe import restored, stabilized, stabilized_deviation, stabilizing
from n2n.classical.noise_level import noise_deviation, photon_count
from n2n.classical.sliding_dct import sliding_dct

__all__ = [
    "noise_deviation",
    "photon_count",
    "restored",
    "sliding_dct",
    "stabilized",
    "stabilized_deviation",
    "stabilizing",
]
