import pytest
import torch

from n2n.bench import plan as planning
from n2n.bench.measuring import run
from n2n.bench.memory import Peaks
from n2n.bench.plan import Plan, names

CPU = torch.device("cpu")


def plan(*only: str, quick: bool = False, rounds: int = 9) -> Plan:
    return Plan(CPU, rounds, 1, 0, quick, frozenset(only))


def test_a_quick_run_denoises_a_smaller_picture_and_says_so() -> None:
    (whole,), (small,) = plan("inference").rows, plan("inference", quick=True).rows
    assert whole.side == 1024
    assert 256 < small.side < 1024
    assert str(small.side) in small.title
    assert plan("unet", quick=True).rows == plan("unet").rows


def test_a_quick_run_leaves_most_of_jax_and_of_the_peaks_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(planning, "measurable", lambda device: True)
    quick, thorough = plan(*names(CPU), quick=True), plan(*names(CPU))
    assert [row.name for row in quick.rows if quick.takes_jax(row)] == ["net4"]
    assert all(map(thorough.takes_jax, thorough.rows))
    assert [row.name for row in quick.rows if quick.weighs(row)] == ["inference"]
    assert all(map(quick.weighs, quick.growth))
    assert [row.name for row in thorough.rows if not thorough.weighs(row)] == ["net4-1", "net4-10"]


def test_what_takes_seconds_has_a_third_of_the_rounds() -> None:
    chosen = plan(*names(CPU), rounds=12)
    assert {row.name: chosen.rounds_of(row) for row in chosen.rows if chosen.rounds_of(row) != 12} == {"inference": 4}
    assert {chosen.rounds_of(row) for row in chosen.growth} == {4}


@pytest.mark.parametrize("names", [("chain", "cached-call"), ("net4-1",), ("inference",)])
def test_ticks_are_counted_beforehand(names: tuple[str, ...], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(planning, "QUICK_SIDE", 32)
    monkeypatch.setattr(planning, "measurable", lambda device: True)
    monkeypatch.setattr(Peaks, "__call__", lambda self, job: 1)
    chosen = plan(*names, quick=True, rounds=2)
    ticks: list[str] = []
    run(chosen, ticks.append)
    assert len(ticks) == chosen.ticks > 0
