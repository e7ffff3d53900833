"""The command line: one file a command."""

import typer

from n2n.cli.bench import bench
from n2n.cli.demo import demo
from n2n.cli.denoise import denoise
from n2n.cli.evaluate import evaluate
from n2n.cli.info import info
from n2n.cli.reproduce import reproduce
from n2n.cli.train import train

__all__ = ["app"]

app = typer.Typer(
    help="Noise2Noise: train image denoisers from noisy pairs alone.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
for _command in (demo, train, denoise, evaluate, reproduce, bench, info):
    app.command()(_command)
