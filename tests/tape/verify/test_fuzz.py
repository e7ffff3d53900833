"""The fuzzer: it finds nothing in tape's own ops, and it finds what is planted."""

from collections.abc import Callable
from typing import Any

import pytest
import torch

import tape
from tape.core.primitive import Primitive
from tape.core.registry import registry
from tape.verify.__main__ import main
from tape.verify.fuzz import Disagreement, Fault, compare, fuzz


def test_tape_agrees_with_torch_on_random_programs() -> None:
    report = fuzz(programs=100, seed=0)
    assert not report.faults, str(report)
    assert not report.never_drawn
    assert report.oracle_errors.total() < 15


def test_programs_repeat_with_the_seed() -> None:
    assert fuzz(programs=3, seed=5).ops == fuzz(programs=3, seed=5).ops
    assert fuzz(programs=3, seed=5).ops != fuzz(programs=3, seed=6).ops


def test_a_number_of_programs_or_of_minutes_is_needed() -> None:
    with pytest.raises(ValueError, match="a number of programs or of minutes"):
        fuzz()


def only_on_broadcast(g: Any, y: Any, x_like: Any) -> Any:
    return g * y if x_like.shape == g.shape else 2 * g * y


FAULTS: dict[str, tuple[str, dict[str, Callable[..., Any]], str]] = {
    "sign": ("cosh", {"x": lambda g, x: -g * torch.sinh(x)}, "gradient"),
    "scale": ("exp", {"x": lambda g, ans: 1.001 * g * ans}, "gradient"),
    "broadcasting": ("multiply", {"x": only_on_broadcast}, "gradient"),
    "second order": ("sin", {"x": lambda g, x: g * torch.cos(tape.stop_gradient(x))}, "second order"),
    "swapped": ("divide", {"x": lambda g, x: g / x}, "gradient"),
    "raises": ("erf", {"x": lambda g, x: g.reshape(-1)[:0]}, "error"),
}


def plant(monkeypatch: pytest.MonkeyPatch, name: str, rules: dict[str, Callable[..., Any]]) -> None:
    primitive, domain = registry[name]
    faulty: Primitive[..., Any] = Primitive(primitive.function)
    faulty.defvjp(**primitive.rules | rules)
    monkeypatch.setitem(registry, name, (faulty, domain))


def first_fault() -> Fault:
    class Found(Exception):
        pass

    faults: list[Fault] = []

    def stop(fault: Fault) -> None:
        faults.append(fault)
        raise Found

    with pytest.raises(Found):
        fuzz(programs=300, seed=0, on_fault=stop)
    return faults[0]


@pytest.mark.parametrize("kind", FAULTS)
def test_a_planted_fault_is_found_and_shrunk(monkeypatch: pytest.MonkeyPatch, kind: str) -> None:
    name, rules, what = FAULTS[kind]
    plant(monkeypatch, name, rules)
    fault = first_fault()
    assert fault.disagreement.what == what
    assert name in [step.op for step in fault.program.steps]
    assert len(fault.program.steps) <= 3
    assert sum(x.numel() for x in fault.program.inputs.values()) <= 40


def test_a_fault_in_how_cotangents_add_up_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """Wrong only under fan-out: a value that is used twice keeps one cotangent alone."""
    accumulate = tape.transforms.gradients.sweep

    def forgetful(tape_: Any, seeds: Any, wanted: Any, keep: bool) -> Any:
        for i, step in enumerate(tape_.steps):
            if step.primitive.name == "add" and step.inputs[0] == step.inputs[1]:
                tape_.steps[i] = step._replace(plan=step.plan._replace(parts=step.plan.parts[:1]))
        return accumulate(tape_, seeds, wanted, keep)

    monkeypatch.setattr(tape.transforms.gradients, "sweep", forgetful)
    fault = first_fault()
    assert fault.disagreement.what == "gradient"
    assert len(fault.program.steps) <= 3


def test_a_fault_prints_as_a_program_that_runs_and_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    plant(monkeypatch, "tanh", {"x": lambda g, ans: g * (1 + ans * ans)})
    fault = first_fault()
    text, what = str(fault), fault.disagreement.what
    assert "tanh" in [step.op for step in fault.program.steps]
    assert what in ("gradient", "second order")  # where tanh is nearly straight, the second alone shows it
    assert text.startswith(f"# {what} differs from torch's")
    with pytest.raises(Disagreement, match=f"{what}: with respect to input 0: tape gives"):
        exec(text, {})


def test_the_comparison_says_what_differs() -> None:
    x = torch.tensor([0.5, 1.0], dtype=torch.float64)
    wrong: Primitive[..., Any] = Primitive(lambda x: x * 1.0 if not x.requires_grad else x * 2.0)
    wrong.defvjp(x=lambda g: g)
    with pytest.raises(Disagreement) as caught:
        compare(lambda x: (wrong(x),), [x])
    assert caught.value.what == "value"


def test_the_command_reports_and_fails_on_a_fault(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["fuzz", "--minutes", "0.01", "--seed", "3"]) == 0
    assert "faults: 0" in capsys.readouterr().out
    plant(monkeypatch, "add", {"x": lambda g: -g})
    assert main(["fuzz", "--minutes", "0.01"]) == 1
    assert 'op["add"]' in capsys.readouterr().out
