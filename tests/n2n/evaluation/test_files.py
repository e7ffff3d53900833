import csv
import json
import math
from pathlib import Path

import pytest

from n2n.errors import InputError
from n2n.evaluation.files import refuse_evaluated, write_csv, write_table
from n2n.evaluation.measuring import Measurement, Row


def test_the_csv_has_a_line_for_each_image_and_method(tmp_path: Path) -> None:
    measurements = [
        Measurement('odd, "name".png', "noisy", 0.01, 0.5),
        Measurement("a", "net4", 0.0, 1.0),
        Measurement("b", "net4", -1.0, None),
    ]
    write_csv(tmp_path, measurements)
    with (tmp_path / "images.csv").open(newline="") as file:
        lines = list(csv.DictReader(file))
    assert [list(line.values()) for line in lines] == [
        ['odd, "name".png', "noisy", "20.0000", "0.500000"],
        ["a", "net4", "inf", "1.000000"],
        ["b", "net4", "", ""],
    ]


def test_the_table_is_json_that_any_reader_takes(tmp_path: Path) -> None:
    rows = [Row("noisy", 20.5, 20.0, math.nan), Row("blur", math.inf, 30.0, 0.9)]
    write_table(tmp_path, rows, {"blur": "σ 1"}, {"seed": 3})
    content = json.loads((tmp_path / "table.json").read_text(), parse_constant=lambda name: pytest.fail(name))
    assert content["seed"] == 3
    assert content["methods"] == [
        {"method": "noisy", "setting": None, "psnr_mean": 20.5, "psnr_overall": 20.0, "ssim": None},
        {"method": "blur", "setting": "σ 1", "psnr_mean": None, "psnr_overall": 30.0, "ssim": 0.9},
    ]


def test_an_evaluation_is_replaced_only_by_force(tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("mine")
    refuse_evaluated(tmp_path, force=False)
    write_csv(tmp_path, [])
    with pytest.raises(InputError, match=r"images\.csv exists"):
        refuse_evaluated(tmp_path, force=False)
    refuse_evaluated(tmp_path, force=True)


def test_a_file_is_no_folder_to_write_to(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("mine")
    with pytest.raises(InputError, match="another --out"):
        refuse_evaluated(tmp_path / "file", force=True)
