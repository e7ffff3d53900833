"""What a user gave was wrong: one clear sentence says what, where, and what to do."""

import difflib
from collections.abc import Iterable


class InputError(ValueError):
    """Something the user gave (a file, a folder, a name, a number) cannot be used.

    The message is one sentence for the person who typed the command. The command line prints it without a
    traceback and exits with status 2.
    """


def unknown(kind: str, name: str, known: Iterable[str]) -> InputError:
    """The error for a name that is not among `known`, with the nearest one suggested.

    >>> print(unknown("noise", "guassian", ["gaussian", "poisson"]))
    unknown noise 'guassian'; did you mean 'gaussian'? (known: gaussian, poisson)
    """
    names = sorted(known)
    nearest = difflib.get_close_matches(name.lower(), names, n=1, cutoff=0.0)
    hint = f"; did you mean '{nearest[0]}'?" if nearest else ""
    return InputError(f"unknown {kind} '{name}'{hint} (known: {', '.join(names)})")
