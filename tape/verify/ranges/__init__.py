"""The range walk: every function over the whole range of each dtype, beside torch and beside float64."""

from tape.verify.ranges.walking import DTYPES, Finding, Walk, run_walk, walk

__all__ = ["DTYPES", "Finding", "Walk", "run_walk", "walk"]
