"""The report's experiments, run again: each cell from fresh parameters, over several seeds, beside its figure."""

from n2n.reproduce.cells import Cell
from n2n.reproduce.experiments import Experiment, experiments, needed
from n2n.reproduce.folder import Folder
from n2n.reproduce.paper import PaperOrigin, paper_jobs, prepare_paper
from n2n.reproduce.preparing import PAIRS, Origin, prepare
from n2n.reproduce.report import package_version, write_report
from n2n.reproduce.running import Job, run_jobs

__all__ = [
    "PAIRS",
    "Cell",
    "Experiment",
    "Folder",
    "Job",
    "Origin",
    "PaperOrigin",
    "experiments",
    "needed",
    "package_version",
    "paper_jobs",
    "prepare",
    "prepare_paper",
    "run_jobs",
    "write_report",
]
