"""What an evaluation leaves in its folder: each picture's figures, the table, and pictures of the best and the worst.

`images.csv` has a line for each picture and method, `table.json` the table and how it was made, `pictures.png` the
pictures with which the network came nearest, in the middle and least near.
"""

import csv
import io
import json
import math
import os
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from n2n.errors import InputError
from n2n.evaluation.measuring import Measurement, Row
from n2n.images.files import write_whole

__all__ = ["CSV", "PICTURES", "TABLE", "refuse_evaluated", "write_csv", "write_table"]

CSV, TABLE, PICTURES = "images.csv", "table.json", "pictures.png"


def refuse_evaluated(folder: Path, force: bool) -> None:
    """Raises InputError where the folder holds an evaluation already, unless `force`, or is none."""
    if folder.exists() and not folder.is_dir():
        raise InputError(f"{folder} is a file, and an evaluation is a folder: give another --out")
    for path in (folder / CSV, folder / TABLE, folder / PICTURES):
        if path.exists() and not force:
            raise InputError(f"{path} exists: replace it with --force, or give another --out")


def write_csv(folder: Path, measurements: Iterable[Measurement]) -> None:
    """Writes `images.csv`: image, method, psnr in dB and ssim; what is not known is left empty."""
    text = io.StringIO()
    lines = csv.writer(text, lineterminator="\n")
    lines.writerow(["image", "method", "psnr", "ssim"])
    for each in measurements:
        lines.writerow([each.picture, each.method, _rounded(each.psnr, 4), _rounded(each.ssim, 6)])
    write_whole(folder / CSV, os.fsencode(text.getvalue()))


def write_table(folder: Path, rows: Sequence[Row], settings: Mapping[str, str], made: Mapping[str, object]) -> None:
    """Writes `table.json`: how the table was made, and the figures of each method with its parameters in words.

    Figures that are not finite or not known are null.
    """
    methods = [
        {
            "method": row.name,
            "setting": settings.get(row.name),
            "psnr_mean": _finite(row.mean),
            "psnr_overall": _finite(row.overall),
            "ssim": _finite(row.ssim),
        }
        for row in rows
    ]
    write_whole(folder / TABLE, (json.dumps({**made, "methods": methods}, indent=2) + "\n").encode())


def _rounded(value: float | None, digits: int) -> str:
    return "" if value is None or math.isnan(value) else f"{value:.{digits}f}"


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None
