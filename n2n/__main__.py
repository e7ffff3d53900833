"""The command `n2n`, also as `python -m n2n`."""

import sys

from n2n.cli import app
from n2n.errors import InputError

__all__ = ["main"]


def main() -> None:
    """Runs the command line. What is wrong with its input is one sentence and exit code 2."""
    try:
        app()
    except InputError as error:
        sys.stderr.write(f"n2n: {error}\n")
        sys.exit(2)


if __name__ == "__main__":
    main()
