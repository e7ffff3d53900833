"""How fast and how lean a training step is, beside its peers: contenders, paired rounds, peaks, the report."""

from n2n.bench.machine import available_cores
from n2n.bench.measuring import Plan, names, run
from n2n.bench.plot import draw_growth
from n2n.bench.results import Report
from n2n.bench.tables import tables

__all__ = ["Plan", "Report", "available_cores", "draw_growth", "names", "run", "tables"]
