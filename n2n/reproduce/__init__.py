"""The report's experiments, run again: each cell from fresh parameters, over several seeds, beside its figure."""

from n2n.reproduce.cells import Cell
from n2n.reproduce.experiments import Experiment, experiments, needed
from n2n.reproduce.folder import Folder
from n2n.reproduce.preparing import Origin, prepare
from n2n.reproduce.running import Job, run_jobs

__all__ = ["Cell", "Experiment", "Folder", "Job", "Origin", "experiments", "needed", "prepare", "run_jobs"]
