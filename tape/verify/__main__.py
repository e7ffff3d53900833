"""The long-running verification of tape's own ops, from the command line."""

import argparse
import sys
from collections.abc import Sequence


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs a command; the exit code is 1 if it found a fault or a surviving mutant."""
    parser = argparse.ArgumentParser(prog="python -m tape.verify", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)

    fuzz = commands.add_parser(
        "fuzz",
        help="random programs of primitives, against torch's autograd",
        description=(
            "Draws random programs of registered primitives and compares value, gradient and second order with "
            "torch's autograd. Each fault is shrunk and printed as runnable Python."
        ),
        epilog="example: python -m tape.verify fuzz --minutes 30 --seed 1",
    )
    fuzz.add_argument("--minutes", type=float, default=1.0, help="how long to run (default: 1)")
    fuzz.add_argument("--seed", type=int, default=0, help="where the random drawing starts (default: 0)")

    mutants = commands.add_parser(
        "mutants",
        help="small errors put into the rules and the engine, which verification must notice",
        description=(
            "Changes one operator, number, argument or condition at a time in the derivative rules and in the engine, "
            "and runs the checks that concern it. A mutant that no check notices, and that does not stand in the "
            "table of equivalent mutants, is a missing test. Run it in the repository's root: the unit tests judge "
            "what finite differences cannot (conventions at ties, messages)."
        ),
        epilog="example: python -m tape.verify mutants --op matmul",
    )
    mutants.add_argument("--op", help="only the mutants of this op's rules (default: all ops and the engine)")
    mutants.add_argument("--module", help="only the mutants of this module, such as tape.core.sweep")

    ranges = commands.add_parser(
        "ranges",
        help="every function over the whole range of float32, float16 and bfloat16, against torch and float64",
        description=(
            "Calls every function that stands in for one of torch's at magnitudes from 0 to the largest number of a "
            "dtype. Values and gradients may be as far from float64 as torch's own in that dtype, and no farther."
        ),
        epilog="example: python -m tape.verify ranges --only softmax --dtype float16 bfloat16",
    )
    ranges.add_argument("--only", help="only functions whose name contains this text, such as layer_norm")
    ranges.add_argument("--dtype", nargs="+", default=["float32", "float16", "bfloat16"], help="(default: all three)")
    ranges.add_argument("--few", action="store_true", help="some magnitudes in place of all, as the tests do")
    ranges.add_argument("--seed", type=int, default=0, help="where the random drawing starts (default: 0)")

    options = parser.parse_args(arguments)
    if options.command == "fuzz":
        from tape.verify.fuzz import fuzz as run_fuzz

        report = run_fuzz(minutes=options.minutes, seed=options.seed, on_fault=lambda fault: print(fault, flush=True))
        print(report.summary())
        return 1 if report.faults else 0
    if options.command == "ranges":
        from tape.verify.ranges import run_walk

        found = run_walk(
            only=options.only,
            dtypes=options.dtype,
            few=options.few,
            seed=options.seed,
            on_finding=lambda finding: print(finding, flush=True),
        )
        print(found)
        return 1 if found.findings else 0
    from tape.verify.mutants import run_mutants

    outcome = run_mutants(op=options.op, module=options.module, on_survivor=lambda mutant: print(mutant, flush=True))
    print(outcome)
    return 1 if outcome.survivors else 0


if __name__ == "__main__":
    sys.exit(main())
