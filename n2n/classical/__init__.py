"""What takes noise away, or measures it, without having learned anything.

The baselines of an evaluation stand in a file of their own, `baselines`, and with them what only they need.
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
