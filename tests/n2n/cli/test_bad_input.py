"""What every command does with what it cannot use: one sentence, exit code 2, and nothing is written."""

from pathlib import Path

import pytest

from tests.n2n.cli.conftest import QUICK, Command


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("denoise", "x" * 300, "--out", "y.png"), "File name too long; check the path"),
        (("train", *QUICK, "--out", "x" * 300), "File name too long; check the path"),
        (("train", *QUICK, "--count", 0), "the count of pairs is 0; it must be at least 1"),
        (("train", "photos", *QUICK, "--size", 10**20), "too small"),
        (("train", *QUICK, "--size", 300), "choose a smaller size"),
        (("train", "photos", *QUICK, "--noise", "gaussian:1e400"), "more than any picture can show"),
        (("train", "photos", *QUICK, "--noise", "pointsample:1e9"), "too small"),
        (("train", "photos", "--resume", "run"), "DATA has no effect with --resume"),
        (("train", *QUICK, "--out", "photos"), "exists and is not the folder of a run, so it is not replaced"),
        (
            ("train", *QUICK, "--out", "photos", "--force"),
            "exists and is not the folder of a run, so it is not replaced",
        ),
        (("train", *QUICK, "--device", "meta"), "there is no device 'meta'"),
        (("evaluate", "photos", "--noise", "gaussian:25", "--seed", -1), "--seed is -1; it must be at least 0"),
        (("evaluate", "photos", "--noise", "gaussian:25", "--seed", 2**64), "--seed is 18446744073709551616; it must"),
        (("reproduce", "table1", "--scale", 0.001, "--seed", -1), "--seed is -1; it must be at least 0"),
    ],
    ids=lambda value: " ".join(str(each)[:20] for each in value) if isinstance(value, tuple) else "",
)
def test_bad_input_is_one_sentence(n2n: Command, photos: Path, arguments: tuple[object, ...], said: str) -> None:
    before = sorted(photos.parent.rglob("*"))
    outcome = n2n(*arguments)
    assert outcome.code == 2, outcome
    assert said in outcome.err
    assert len(outcome.err.strip().splitlines()) == 1
    assert sorted(photos.parent.rglob("*")) == before
