import dataclasses
import json
import math
from pathlib import Path

import pytest
import torch
from torch import Generator

from n2n.errors import InputError
from n2n.noise import parse_noise
from n2n.sources import procedural
from n2n.training.checkpoint import Checkpoint, save_checkpoint
from n2n.training.run import Run, fresh_path, is_network, trained_network
from n2n.training.scoring import Score
from n2n.training.settings import Settings
from n2n.training.state import State

CPU = torch.device("cpu")
SETTINGS = Settings(network="net4")


def state(step: int) -> State:
    params, _ = SETTINGS.layer(3).init(Generator().manual_seed(step), (3, 32, 32))
    return State(params, SETTINGS.optimizer().init(params), Generator().get_state(), step)


def save(run: Run, step: int, psnr: float) -> None:
    run.log(step=step, loss=0.1, psnr=psnr)
    run.save(state(step), (3, 32, 32), Score(psnr, psnr - 1, True))


def test_the_best_checkpoint_is_the_one_with_the_highest_score(tmp_path: Path) -> None:
    run = Run.create(tmp_path / "run", SETTINGS)
    for step, psnr in ((1, 20.0), (2, 23.0), (3, 22.0)):
        save(run, step, psnr)
    assert run.checkpoint(CPU).state.step == 2
    assert trained_network(run.last, CPU).state.step == 3


def test_metrics_after_the_checkpoint_are_forgotten(tmp_path: Path) -> None:
    run = Run.create(tmp_path / "run", SETTINGS)
    for step in range(1, 6):
        run.log(step=step, loss=0.1)
    run.go_on_from(3)
    assert [entry["step"] for entry in run.entries()] == [1, 2, 3]


def test_a_run_is_not_overwritten_unless_forced(tmp_path: Path) -> None:
    path = tmp_path / "run"
    Run.create(path, SETTINGS)
    (path / "metrics.jsonl").write_text("kept")
    with pytest.raises(InputError, match="exists"):
        Run.create(path, SETTINGS)
    assert (path / "metrics.jsonl").read_text() == "kept"
    Run.create(path, SETTINGS, force=True)
    assert not (path / "metrics.jsonl").exists()


def test_force_replaces_nothing_but_a_run(tmp_path: Path) -> None:
    (tmp_path / "photo.jpg").write_text("mine")
    with pytest.raises(InputError, match="not the folder of a run"):
        Run.create(tmp_path, SETTINGS, force=True)
    (tmp_path / "config.json").write_text('{"made by": "another program"}')
    with pytest.raises(InputError, match="not the folder of a run"):
        Run.create(tmp_path, SETTINGS, force=True)
    assert (tmp_path / "photo.jpg").exists()


def test_the_card_names_every_setting(tmp_path: Path) -> None:
    run = Run.create(tmp_path / "run", SETTINGS)
    save(run, 1, 20.0)
    run.write_card(state(1), procedural(parse_noise("pointsample:2"), count=2, side=64), 3.0)
    card = (run.path / "card.md").read_text()
    assert all(f"| {name} |" in card for name in ("network", "noise", "seed", "lr"))
    assert "1,368 parameters" in card
    assert "20.00 dB at best, against clean images" in card


def test_a_fresh_path_is_one_that_does_not_exist(tmp_path: Path) -> None:
    (tmp_path / "demo-1").mkdir()
    assert fresh_path(tmp_path, "demo") == tmp_path / "demo-2"


def test_a_folder_that_is_no_run_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"no config\.json"):
        Run.open(tmp_path)


def test_a_line_of_metrics_that_was_cut_off_is_left_out(tmp_path: Path) -> None:
    run = Run.create(tmp_path / "run", SETTINGS)
    run.log(step=1, loss=0.1)
    run.log(step=2, loss=0.1)
    whole = run.metrics.read_text()
    run.metrics.write_text(whole[:-4])
    assert [entry["step"] for entry in run.entries()] == [1]
    run.go_on_from(1)
    run.log(step=2, loss=0.1)
    assert run.metrics.read_text() == whole


def test_damaged_metrics_are_refused_by_their_line(tmp_path: Path) -> None:
    run = Run.create(tmp_path / "run", SETTINGS)
    run.metrics.write_text('{"step": 1, "loss": 1}\n\n{"step": 2, "loss": 1}\n')
    with pytest.raises(InputError, match=r"line 2 of .*metrics\.jsonl"):
        list(run.entries())
    for damage in (b"\xff\xfe\n", b'{"step": "x", "loss": 1}\n', b"3\n"):
        run.metrics.write_bytes(damage)
        with pytest.raises(InputError, match=r"line 1 of .*metrics\.jsonl"):
            list(run.entries())


@pytest.mark.parametrize("content", [b"", b"\xff\xfe", b"null", b'{"network": null}', b'{"noise": 5}'])
def test_damaged_settings_are_refused_by_their_file(tmp_path: Path, content: bytes) -> None:
    run = Run.create(tmp_path / "run", SETTINGS)
    values = json.loads(run.config.read_text())
    run.config.write_bytes(json.dumps(values | json.loads(content)).encode() if content[:1] == b"{" else content)
    with pytest.raises(InputError, match=r"config\.json does not hold the settings of a run"):
        run.settings  # noqa: B018


def test_going_on_clears_files_half_written(tmp_path: Path) -> None:
    run = Run.create(tmp_path / "run", SETTINGS)
    for folder in (run.path, run.figures):
        (folder / ".something.png.123.partial").write_bytes(b"half")
    run.go_on_from(0)
    assert sorted(path.name for path in run.path.rglob("*")) == ["config.json", "figures", "pictures.json"]


def test_going_on_makes_a_folder_for_figures_that_was_removed(tmp_path: Path) -> None:
    run = Run.create(tmp_path / "run", SETTINGS)
    run.figures.rmdir()
    run.go_on_from(0)
    assert run.figures.is_dir()


def test_a_score_that_is_no_number_is_never_the_best(tmp_path: Path) -> None:
    run = Run.create(tmp_path / "run", SETTINGS)
    for step, psnr in ((1, math.nan), (2, 21.0), (3, math.nan)):
        save(run, step, psnr)
    assert run.checkpoint(CPU).state.step == 2
    assert run.best_psnr() == 21.0


def test_the_best_checkpoint_is_never_behind_the_last(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A run that is killed between the two goes on from before, and makes the best one again."""
    run = Run.create(tmp_path / "run", SETTINGS)
    save(run, 1, 20.0)

    def killed(path: Path, checkpoint: Checkpoint) -> None:
        save_checkpoint(path, checkpoint)
        raise KeyboardInterrupt

    monkeypatch.setattr("n2n.training.run.save_checkpoint", killed)
    with pytest.raises(KeyboardInterrupt):
        save(run, 2, 25.0)
    assert run.state(CPU).step == 1  # type: ignore[union-attr]
    assert run.checkpoint(CPU).state.step == 2


def test_a_run_without_a_checkpoint_has_no_state(tmp_path: Path) -> None:
    assert Run.create(tmp_path / "run", SETTINGS).state(CPU) is None


def test_settings_that_were_changed_are_refused_by_their_names(tmp_path: Path) -> None:
    run = Run.create(tmp_path / "run", SETTINGS)
    save(run, 1, 20.0)
    run.config.write_text(dataclasses.replace(SETTINGS, network="net3", lr=0.1).to_json())
    with pytest.raises(InputError, match=r"network from net4 to net3, lr from 0\.001 to 0\.1"):
        run.state(CPU)


def test_a_network_is_known_by_its_path(tmp_path: Path) -> None:
    run = Run.create(tmp_path / "run", SETTINGS)
    (tmp_path / "photos").mkdir()
    assert is_network(run.path)
    assert is_network(tmp_path / "missing.safetensors")
    assert not is_network(tmp_path / "photos")
    assert not is_network(tmp_path / "missing")
