"""A run that is killed at any moment, however often, and goes on each time, ends as one that never was."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from safetensors import safe_open

SETTINGS = ("--network", "net4", "--noise", "gaussian:25", "--batch", "4", "--average", "0.9")


def killing(*arguments: object) -> int:
    """How many processes were killed."""
    script = Path(__file__).with_name("killing.py")
    done = subprocess.run([sys.executable, script, *map(str, arguments)], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return int(done.stdout)


def contents(run: Path) -> dict[str, Any]:
    """What a run has ended with, but for times."""
    found: dict[str, Any] = {}
    for name in ("last", "best"):
        with safe_open(run / f"{name}.safetensors", framework="pt") as file:
            found[name] = {key: file.get_tensor(key).tolist() for key in file.keys()}  # noqa: SIM118
            found[f"{name} says"] = file.metadata()
    lines = (run / "metrics.jsonl").read_text().splitlines()
    found["metrics"] = [{key: value for key, value in json.loads(line).items() if key != "seconds"} for line in lines]
    found["files"] = sorted(str(path.relative_to(run)) for path in run.rglob("*"))
    found["settings"] = (run / "config.json").read_text()
    return found


def test_twenty_kills_at_random_moments(photos: Path, tmp_path: Path) -> None:
    assert killing(20, tmp_path / "run", photos, *SETTINGS, "--count", 60, "--epochs", 4) == 20
    assert contents(tmp_path / "run") == contents(tmp_path / "whole")


def test_kills_before_each_change_to_the_files(photos: Path, tmp_path: Path) -> None:
    assert killing("at-each-operation", tmp_path / "run", photos, *SETTINGS, "--count", 8, "--epochs", 2) > 10
    assert contents(tmp_path / "run") == contents(tmp_path / "whole")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["photos", "run", "whole"]
