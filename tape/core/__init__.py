"""Traced values, the tape and its sweep, primitives and what a call of one does, the registry and its domains."""

from tape.core.boundary import attributes as attributes
from tape.core.boundary import tensor_checks as tensor_checks
from tape.core.implementing import implements
from tape.core.primitive import Primitive, primitive

__all__ = ["Primitive", "implements", "primitive"]
