"""The contenders: this library's work, and one file for each peer."""

from n2n.bench.peers.choice import absent, chains, denoisers, makers, trainers
from n2n.bench.peers.contender import Contender, Denoiser, Fed, Trainer
from n2n.bench.peers.lookup import Lookup
from n2n.bench.peers.torch_compile import afresh, hindrance

__all__ = [
    "Contender",
    "Denoiser",
    "Fed",
    "Lookup",
    "Trainer",
    "absent",
    "afresh",
    "chains",
    "denoisers",
    "hindrance",
    "makers",
    "trainers",
]
