"""How fast and how lean training steps and denoising are, beside their peers: contenders, paired rounds, peaks, the
report."""

from n2n.bench.machine import available_cores
from n2n.bench.measuring import run
from n2n.bench.peers import hindrance
from n2n.bench.plan import Plan, names
from n2n.bench.plot import draw_growth
from n2n.bench.results import Report
from n2n.bench.tables import tables

__all__ = ["Plan", "Report", "available_cores", "draw_growth", "hindrance", "names", "run", "tables"]
