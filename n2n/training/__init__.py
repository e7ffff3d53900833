"""Training: what a run is to do, one step, the loop that takes many, and the folder where it all stays."""

from n2n.training.checkpoint import Checkpoint
from n2n.training.loop import Update, begin, train
from n2n.training.losses import Loss, hdr_loss, l0_loss, losses, masked
from n2n.training.run import Run
from n2n.training.scoring import Score
from n2n.training.settings import Settings
from n2n.training.state import State
from n2n.training.step import training_step

__all__ = [
    "Checkpoint",
    "Loss",
    "Run",
    "Score",
    "Settings",
    "State",
    "Update",
    "begin",
    "hdr_loss",
    "l0_loss",
    "losses",
    "masked",
    "train",
    "training_step",
]
