"""The command `n2n`, also as `python -m n2n`."""

import io
import sys
from typing import NoReturn

from n2n.cli import app
from n2n.errors import InputError

__all__ = ["main"]


def main() -> None:
    """Runs the command line. What is wrong with its input is one sentence and exit code 2."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")  # where σ cannot be shown, a question mark can
    try:
        app()
    except InputError as error:
        _end(str(error))
    except OSError as error:
        if error.filename is None:
            raise
        _end(f"{error.filename} cannot be used: {error.strerror}; check the path and its permissions")


def _end(sentence: str) -> NoReturn:
    sys.stderr.write(f"n2n: {sentence}\n")
    sys.exit(2)


if __name__ == "__main__":
    main()
