"""The engine's primitives, in families: each op beside its rule."""

from tape.ops import activations as activations
from tape.ops import aggregates as aggregates
from tape.ops import arithmetic as arithmetic
from tape.ops import columns as columns
from tape.ops import constant as constant
from tape.ops import contractions as contractions
from tape.ops import distances as distances
from tape.ops import functions as functions
from tape.ops import indexing as indexing
from tape.ops import joining as joining
from tape.ops import layout as layout
from tape.ops import linalg as linalg
from tape.ops import losses as losses
from tape.ops import neighbours as neighbours
from tape.ops import normalization as normalization
from tape.ops import ordering as ordering
from tape.ops import parts as parts
from tape.ops import patches as patches
from tape.ops import phases as phases
from tape.ops import piecewise as piecewise
from tape.ops import products as products
from tape.ops import rearranging as rearranging
from tape.ops import reductions as reductions
from tape.ops import scattering as scattering
from tape.ops import softmax as softmax
from tape.ops import special as special
