"""Hypothesis as a search for the smallest call on which something does not hold."""

from collections.abc import Callable

import hypothesis
from hypothesis import HealthCheck, Phase, Verbosity
from hypothesis import strategies as st

from tape.verify.trial import Call

__all__ = ["search"]

# The verdict must not depend on the clock, on the machine or on what failed yesterday.
_SETTINGS = hypothesis.settings(
    database=None,
    deadline=None,
    derandomize=False,
    phases=(Phase.generate, Phase.shrink),
    suppress_health_check=list(HealthCheck),
    report_multiple_bugs=False,
    print_blob=False,
    verbosity=Verbosity.quiet,
)


def search(calls: st.SearchStrategy[Call], examples: int, seed: int, holds: Callable[[Call], None]) -> None:
    """Raises what `holds` raises on the smallest call found; returns if it raises on none of the examples."""
    last: list[AssertionError] = []

    @hypothesis.seed(seed)
    @hypothesis.settings(_SETTINGS, max_examples=examples)
    @hypothesis.given(calls)
    def run(call: Call) -> None:
        try:
            holds(call)
        except AssertionError as failure:
            last.append(failure)
            raise

    try:
        run()
    except AssertionError:
        pass
    except hypothesis.errors.Flaky:
        # A function that differs from run to run: the failure that was seen is still a failure.
        if not last:
            raise
    if last:
        raise last[-1].with_traceback(None) from None
