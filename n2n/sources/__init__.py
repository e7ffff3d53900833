"""Where training pairs come from: photographs with a noise model, noisy captures, bursts, tensor files.

Every source draws with a generator that it is given and keeps no state: the same seed gives the same bits, and
a run that resumes needs the generator's state alone. Draws are with replacement, so "an epoch of 50,000" is
50,000 draws. What is held out for validation is held out by picture, by a fixed choice that no seed changes: a
crop that is validated on never comes from a picture that is trained on.
"""

from n2n.sources.bursts import Bursts, bursts
from n2n.sources.captures import Captures, captures
from n2n.sources.photos import Photos, photos, procedural
from n2n.sources.source import Source, Track
from n2n.sources.tensors import Tensors, tensors

__all__ = [
    "Bursts",
    "Captures",
    "Photos",
    "Source",
    "Tensors",
    "Track",
    "bursts",
    "captures",
    "photos",
    "procedural",
    "tensors",
]
