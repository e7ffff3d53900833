"""The properties that `check` holds a derivative to, each under the name that a failure prints."""

from tape.verify.properties.table import PROPERTIES, Property

__all__ = ["PROPERTIES", "Property"]
