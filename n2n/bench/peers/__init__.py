"""The contenders: this library's step, and one file for each peer."""

from n2n.bench.peers.choice import absent, chains, trainers
from n2n.bench.peers.contender import Contender, Trainer

__all__ = ["Contender", "Trainer", "absent", "chains", "trainers"]
