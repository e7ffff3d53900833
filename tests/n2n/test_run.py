from pathlib import Path

import pytest
import torch
from torch import Generator

from n2n.errors import InputError
from n2n.run import Run, fresh_path, trained_network
from n2n.settings import Settings
from n2n.training import Score, State

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
    run.forget_after(3)
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
    assert (tmp_path / "photo.jpg").exists()


def test_the_card_names_every_setting(tmp_path: Path) -> None:
    run = Run.create(tmp_path / "run", SETTINGS)
    save(run, 1, 20.0)
    run.write_card(state(1), 3.0, "against clean images")
    card = (run.path / "card.md").read_text()
    assert all(f"| {name} |" in card for name in ("network", "noise", "seed", "lr"))
    assert "1,368 parameters" in card
    assert "20.00 dB" in card


def test_a_fresh_path_is_one_that_does_not_exist(tmp_path: Path) -> None:
    (tmp_path / "demo-1").mkdir()
    assert fresh_path(tmp_path, "demo") == tmp_path / "demo-2"


def test_a_folder_that_is_no_run_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"no config\.json"):
        Run.open(tmp_path)
