"""Evaluation: a network beside the noisy input and the baselines, on the same images.

Pictures of any sizes are measured one at a time, and only figures are kept: a folder of large photographs needs the
memory of one. Whatever is drawn of an example depends on its number alone, so that it can be looked at again.
"""

from n2n.evaluation.denoisers import Contender, Denoiser, contender, denoiser
from n2n.evaluation.drawing import draw_pictures
from n2n.evaluation.extremes import extremes
from n2n.evaluation.files import PICTURES, refuse_evaluated, write_csv, write_table
from n2n.evaluation.measuring import Measurement, Row, compare, measure, outputs, refuse_small, summary
from n2n.evaluation.sets import Crops, EvaluationSet, burst_set, capture_set, photo_set, tensor_set
from n2n.evaluation.tuning import pictures_to_tune_on, tuned_baselines
from n2n.own_pictures import own_files, same_files

__all__ = [
    "PICTURES",
    "Contender",
    "Crops",
    "Denoiser",
    "EvaluationSet",
    "Measurement",
    "Row",
    "burst_set",
    "capture_set",
    "compare",
    "contender",
    "denoiser",
    "draw_pictures",
    "extremes",
    "measure",
    "outputs",
    "own_files",
    "photo_set",
    "pictures_to_tune_on",
    "refuse_evaluated",
    "refuse_small",
    "same_files",
    "summary",
    "tensor_set",
    "tuned_baselines",
    "write_csv",
    "write_table",
]
