"""The engine's primitives, in families: each op beside its rule."""

from tape.ops import arithmetic as arithmetic
from tape.ops import constant as constant
from tape.ops import functions as functions
from tape.ops import indexing as indexing
from tape.ops import joining as joining
from tape.ops import layout as layout
from tape.ops import ordering as ordering
from tape.ops import patches as patches
from tape.ops import products as products
from tape.ops import reductions as reductions
