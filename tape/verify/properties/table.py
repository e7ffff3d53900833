"""The table of the properties: what each is called, what it says, and how it is tried on one drawn call."""

from collections.abc import Callable
from typing import NamedTuple

from tape.verify.properties.cotangents import (
    any_cotangent_layout,
    conforms,
    integers_get_none,
    linear_in_the_cotangent,
)
from tape.verify.properties.half import agrees_in_half_precision
from tape.verify.properties.memory import frees_its_residuals, mutates_nothing, repeats
from tape.verify.properties.narrow import agrees_in_float32
from tape.verify.properties.values import (
    agrees_with_differences,
    agrees_with_differences_in_second_order,
    any_input_layout,
    computes_the_same,
)
from tape.verify.trial import Trial

__all__ = ["PROPERTIES", "Property"]


class Property(NamedTuple):
    name: str
    says: str
    # Raises a Violation where the property does not hold; returns why, where there is nothing to try. None for
    # a property that is not tried on drawn calls but once, on what was declared.
    holds: Callable[[Trial, float], str | None] | None
    tolerance: float = 0.0


PROPERTIES = (
    Property("primal", "the recorded value is the unrecorded one", computes_the_same, 1e-12),
    Property("conformity", "a cotangent has its input's shape, dtype and device", conforms),
    # A rule that writes where it should not would spoil what is tried later, so that is tried early.
    Property("determinism", "two runs agree to the last bit", repeats),
    Property("purity", "nothing is mutated, and no results share memory", mutates_nothing),
    Property("vjp", "the pullback agrees with differences in float64", agrees_with_differences, 1e-6),
    Property("linearity", "the pullback is linear in the cotangent", linear_in_the_cotangent, 1e-9),
    Property("cotangent layouts", "any layout of the cotangent gives the same", any_cotangent_layout, 1e-9),
    Property("input layouts", "any layout of the inputs gives the same", any_input_layout, 1e-9),
    Property("shapes", "size 1, 0-d, broadcast and empty inputs, where the domain declares them", None),
    Property("float32", "float32 agrees with float64 to float32's precision", agrees_in_float32, 1e-4),
    Property(
        "half precision", "float16 and bfloat16 agree with float64 to their precision", agrees_in_half_precision, 16.0
    ),
    Property(
        "second order",
        "the pullback's own derivative agrees with differences",
        agrees_with_differences_in_second_order,
        1e-5,
    ),
    Property("conventions", "at kinks and ties the declared derivative holds", None, 1e-9),
    Property("integer inputs", "integer and boolean inputs get no cotangent", integers_get_none),
    Property("memory", "what was kept for the sweep is freed by it", frees_its_residuals),
    Property("bad inputs", "declared bad inputs raise the declared error", None),
    Property("mutants", "faults put into the primitive's rules are caught", None),
)
