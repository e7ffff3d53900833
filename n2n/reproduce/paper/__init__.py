"""The Noise2Noise paper's claim, that noisy targets train a network as well as clean ones, tried on whole pictures."""

from n2n.reproduce.paper.baselines import PaperBaseline
from n2n.reproduce.paper.data import PaperOrigin, prepare_paper
from n2n.reproduce.paper.jobs import PaperJob, paper_jobs
from n2n.reproduce.paper.section import paper_section
from n2n.reproduce.paper.training import PaperCell

__all__ = ["PaperBaseline", "PaperCell", "PaperJob", "PaperOrigin", "paper_jobs", "paper_section", "prepare_paper"]
