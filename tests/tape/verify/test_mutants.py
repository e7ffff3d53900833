"""The mutation test of a few rules, and what it does with a mutant that nobody notices."""

import ast
import importlib
import inspect
import itertools
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tape.core.registry import registry
from tape.verify.__main__ import main
from tape.verify.mutants import (
    Outcome,
    by_differences,
    by_rooms,
    by_tests,
    engine_mutants,
    judge_mutants,
    rule_mutants,
    run_mutants,
)
from tape.verify.mutants.changes import changed_trees
from tape.verify.mutants.equivalent import EQUIVALENT
from tape.verify.mutants.sites import ENGINE, applied


def no_tests(subject: str) -> None:
    """Unit tests and properties take too long for a sample."""


@pytest.mark.parametrize("op", ["divide", "logaddexp", "cumsum", "tanh", "fold"])
def test_every_mutant_of_a_rule_is_noticed(op: str) -> None:
    outcome = judge_mutants(rule_mutants([op]), tests=no_tests, properties=no_tests)
    assert outcome.killed > 0
    assert [str(mutant) for mutant in outcome.survivors if mutant.module != "tape.ops.spelling"] == []


def test_every_mutant_of_a_rule_with_a_convention_is_noticed_by_differences_and_properties() -> None:
    outcome = judge_mutants(rule_mutants(["atan2"]), tests=no_tests)
    assert outcome.killed > 0
    assert [str(mutant) for mutant in outcome.survivors] == []


def test_most_mutants_of_the_sweep_are_noticed_by_three_ops_alone() -> None:
    """One whose arguments broadcast, one that takes a list, one of several outputs."""
    sweep = [mutant for mutant in engine_mutants(("tape.core.sweep",)) if mutant.function in ("sweep", "_take")]
    sample = [replace(mutant, ops=("divide", "cat", "sort")) for mutant in sweep[::3]]
    outcome = judge_mutants(sample, tests=no_tests, rooms=no_tests, properties=no_tests)
    assert outcome.killed >= 0.6 * len(sample)


def test_a_mutant_that_no_judge_notices_is_a_survivor() -> None:
    asked: list[str] = []
    outcome = judge_mutants(rule_mutants(["sin"]), judge=asked.append, tests=asked.append, properties=asked.append)
    assert outcome.killed == 0
    assert outcome.survivors
    assert set(asked) == {"sin", "tape.ops.functions"}
    assert "survived" in str(outcome)


def test_a_mutant_that_matters_at_a_tie_alone_is_noticed_by_the_properties_alone() -> None:
    (mutant,) = [mutant for mutant in rule_mutants(["maximum"]) if mutant.change == "0.5 -> 1.5"]
    assert judge_mutants([mutant], tests=no_tests, properties=no_tests).survivors == [mutant]
    assert judge_mutants([mutant], tests=no_tests).killed == 1


def test_the_rooms_are_asked_about_what_the_modules_own_tests_did_not_notice() -> None:
    mutant = next(engine_mutants(["tape.transforms.custom"]))
    asked: list[str] = []

    def noticed(subject: str) -> None:
        asked.append(subject)
        assert len(asked) == 1

    assert judge_mutants([mutant], tests=no_tests, rooms=noticed).killed == 1
    assert asked == ["tape.transforms.custom"] * 2


def test_a_judge_is_asked_about_what_the_judges_before_did_not_notice() -> None:
    asked: list[str] = []

    def never(subject: str) -> None:
        pytest.fail(f"asked about {subject}")

    def second_time(subject: str) -> None:
        asked.append(subject)
        assert len(asked) == 1

    mutant = next(rule_mutants(["sin"]))
    assert judge_mutants([mutant], judge=second_time, tests=never, properties=never).killed == 1
    asked.clear()
    assert judge_mutants([mutant], judge=no_tests, tests=second_time, properties=never).killed == 1
    assert asked == ["tape.ops.functions"] * 2
    asked.clear()
    assert judge_mutants([mutant], judge=no_tests, tests=no_tests, properties=second_time).killed == 1
    assert asked == ["sin"] * 2


@pytest.mark.parametrize("place", ["judge", "tests", "properties"])
def test_a_judge_that_finds_fault_with_the_right_code_is_not_believed(place: str) -> None:
    def wrong(subject: str) -> None:
        raise AssertionError(f"{subject} is wrong")

    judges = {"judge": no_tests, "tests": no_tests, "properties": no_tests} | {place: wrong}
    with pytest.raises(AssertionError, match="is wrong"):
        judge_mutants(rule_mutants(["sin"]), **judges)


def test_a_survivor_prints_where_it_is_and_what_it_changed() -> None:
    first = next(rule_mutants(["sin"]))
    assert str(first).startswith("tape.ops.functions:")
    assert str(first).endswith("sin.defvjp(x): g * torch.cos(x) -> g / torch.cos(x)")


def test_a_mutant_is_gone_after_its_trial() -> None:
    by_differences("sin")
    for mutant in rule_mutants(["sin"]):
        with applied(mutant), pytest.raises(AssertionError):
            by_differences("sin")
        by_differences("sin")


def test_a_mutant_that_never_ends_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    from tape.verify.mutants import running

    calls: list[str] = []

    def judge(op: str) -> None:
        calls.append(op)
        while len(calls) > 1:
            pass

    monkeypatch.setattr(running, "_LEAST", 0.05)
    mutants = [next(rule_mutants(["sin"]))]
    assert judge_mutants(mutants, judge=judge, tests=no_tests).killed == 1


@pytest.mark.parametrize(("took", "limit"), [(7, 70), (1, 20)])
def test_a_mutant_has_several_times_as_long_as_the_right_code(
    took: int, limit: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    from tape.verify.mutants import running

    limits: list[float] = []

    @contextmanager
    def noted(seconds: float) -> Iterator[None]:
        limits.append(seconds)
        yield

    monkeypatch.setattr(running, "time_limit", noted)
    clock = itertools.count(0, took)
    monkeypatch.setattr(running.time, "monotonic", lambda: next(clock))
    judge_mutants([next(rule_mutants(["sin"]))], judge=no_tests, tests=no_tests, properties=no_tests)
    assert limits == [limit] * 4


def test_a_modules_unit_tests_are_files_and_a_folder_of_its_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    log = tmp_path / "runs"  # a file, because the tests run in a child

    def run(arguments: list[str], plugins: Any) -> int:
        log.write_text((log.read_text() if log.exists() else "") + "\n".join([*arguments, ""]))
        return 0

    monkeypatch.setattr(pytest, "main", run)
    monkeypatch.setenv("HYPOTHESIS_STORAGE_DIRECTORY", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    by_tests("tape.ops.spelling")
    assert not log.exists()
    file, folder = Path("tests/tape/ops/test_spelling.py"), Path("tests/tape/ops/spelling")
    folder.mkdir(parents=True)
    file.touch()
    more = Path("tests/tape/ops/test_spelling_of_dimensions.py")
    more.touch()
    by_tests("tape.ops.spelling")
    assert log.read_text().splitlines()[:3] == [str(file), str(more), str(folder)]


def test_the_other_tests_of_the_engines_rooms_are_run_for_a_module_that_stands_in_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    log = tmp_path / "runs"
    monkeypatch.setattr(pytest, "main", lambda arguments, plugins: log.write_text("\n".join(arguments)) * 0)
    monkeypatch.chdir(tmp_path)
    by_rooms("tape.ops.spelling")
    assert not log.exists()
    own = Path("tests/tape/transforms/test_custom.py")
    own.parent.mkdir(parents=True)
    own.touch()
    by_rooms("tape.transforms.custom")
    runs = log.read_text().splitlines()
    assert {"tests/tape/transforms", "tests/tape/core/test_sweep.py", f"--ignore={own}"} < {*runs}
    by_rooms("tape.compiling.line")
    runs = log.read_text().splitlines()
    assert "tests/tape/compiling" in runs
    assert "tests/tape/transforms" not in runs


@pytest.mark.parametrize(
    ("code", "change"),
    [
        ("g * y", "g / y"),
        ("x - y", "y - x"),
        ("-g", "g"),
        ("x > 0", "x >= 0"),
        ("g if a else -g", "-g"),
        ("a and b", "a or b"),
        ("g.sum(0, keepdim=True)", "g.sum(0)"),
        ("torch.where(c, g, 0.0)", "torch.where(g, c, 0.0)"),
        ("g.unsqueeze(1)", "g"),
        ("x[1:2]", "x[:2]"),
        ("torch.sin(x)", "torch.cos(x)"),
        ("g * 2", "g * 3"),
        ("f(x, flag=True)", "f(x, flag=False)"),
        ("g @ y.mT", "g @ y"),
    ],
)
def test_the_changes(code: str, change: str) -> None:
    tree = ast.parse(code, mode="eval")
    assert change in [ast.unparse(tree) for _ in changed_trees(tree)]
    assert ast.unparse(tree) == code


def test_texts_annotations_and_defaults_are_not_changed() -> None:
    code = "def f(x: 1=2):\n    '3'\n    raise TypeError(f'{4}')"
    tree: Any = ast.parse(code)
    assert [ast.unparse(tree.body[0]) for _ in changed_trees(tree)] == ['def f(x: 1=2):\n    """3"""\n    pass']


def test_the_table_of_equivalent_mutants_names_mutants_that_exist_and_reasons() -> None:
    existing = {mutant.key for mutants in (rule_mutants(), engine_mutants()) for mutant in mutants}
    assert EQUIVALENT.keys() <= existing, EQUIVALENT.keys() - existing
    assert all(len(reason) > 10 for reason in EQUIVALENT.values())


def test_every_op_with_a_rule_has_mutants() -> None:
    concerned = {op for mutant in rule_mutants() for op in mutant.ops}
    # The rules of these are "the cotangent" and "the cotangent at the index", which leaves nothing to change.
    assert registry.keys() - concerned == {"clone", "contiguous", "expand", "scatter_into_zeros"}


def test_all_mutants_are_those_of_the_rules_and_of_the_whole_engine(monkeypatch: pytest.MonkeyPatch) -> None:
    chosen: list[Any] = []
    monkeypatch.setattr("tape.verify.mutants.running.judge_mutants", lambda mutants, **_: chosen.extend(mutants))
    run_mutants()
    assert len(chosen) == len([*rule_mutants(), *engine_mutants()])
    assert {"tape.core.sweep", "tape.core.definition", "tape.transforms.gradients"} < {
        mutant.module for mutant in chosen
    }
    for module in ("tape.core.definition", "tape.ops.special"):
        chosen.clear()
        run_mutants(module=module)
        assert {mutant.module for mutant in chosen} == {module}
    chosen.clear()
    run_mutants(op="sin")
    assert {mutant.ops for mutant in chosen} == {("sin",)}


def test_the_command_prints_the_counts_and_fails_on_a_survivor(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["mutants", "--op", "square"]) == 0
    assert "0 survived" in capsys.readouterr().out
    survivor = next(rule_mutants(["sin"]))
    monkeypatch.setattr("tape.verify.mutants.run_mutants", lambda **_: Outcome(survivors=[survivor]))
    assert main(["mutants"]) == 1


def test_the_unit_tests_can_judge_twice_in_one_process(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Hypothesis refuses a method that another instance of its class ran before: a mutant would seem noticed."""
    tests = tmp_path / "tests" / "engine"
    tests.mkdir(parents=True)
    (tests / "test_laws.py").write_text(
        "from hypothesis import given, strategies as st\n"
        "class TestLaws:\n"
        "    @given(st.integers())\n"
        "    def test_law(self, n):\n"
        "        assert n == n\n"
    )
    monkeypatch.chdir(tmp_path)
    by_tests("engine.laws")
    by_tests("engine.laws")
    (tests / "test_laws.py").write_text("def test_law():\n    assert False\n")
    with pytest.raises(AssertionError, match="1 failed"):
        by_tests("engine.laws")


def test_no_smallest_example_is_looked_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    runs, tests = tmp_path / "runs", tmp_path / "tests" / "engine"
    tests.mkdir(parents=True)
    (tests / "test_laws.py").write_text(
        "from pathlib import Path\n"
        "from hypothesis import given, strategies as st\n"
        "@given(st.lists(st.integers(), min_size=20))\n"
        "def test_law(numbers):\n"
        f"    with Path({str(runs)!r}).open('a') as runs:\n"
        "        runs.write('.')\n"
        "    assert False\n"
    )
    monkeypatch.chdir(tmp_path)
    with pytest.raises(AssertionError, match="1 failed"):
        by_tests("engine.laws")
    assert len(runs.read_text()) <= 3


@pytest.mark.parametrize("module", ENGINE)
def test_mutants_of_the_engine_are_applied_where_its_functions_run(module: str) -> None:
    """Below decorators, in class methods and in both functions of a property."""
    source = inspect.getsourcefile(importlib.import_module(module))
    for mutant in engine_mutants([module]):
        assert mutant.target.__code__.co_filename == source
        assert mutant.code.co_filename == source  # so that no message takes it for the user's code
        assert mutant.code.co_name == mutant.target.__code__.co_name
        with applied(mutant):
            assert mutant.target.__code__ is mutant.code


def test_every_function_of_the_engine_that_computes_something_has_mutants() -> None:
    functions = {f"{mutant.module}.{mutant.function}" for mutant in engine_mutants()}
    assert {
        "tape.core.running.recording",  # a context manager
        "tape.core.traced.Traced.__torch_function__",  # a class method
        "tape.core.tape.Tape.ended",  # a property
        "tape.core.tape.Tape.ended.setter",
        "tape.core.boundary.companions._implemented",  # its results are kept
        "tape.core.boundary.autograd_functions._guarded",  # wraps a function of torch's
    } <= functions


def test_what_a_function_kept_is_forgotten_while_it_has_another_code() -> None:
    from tape.core.boundary.companions import _implemented

    (mutant, *_) = [m for m in engine_mutants(["tape.core.boundary.companions"]) if m.function == "_implemented"]
    assert _implemented("nn")
    with applied(mutant):
        assert _implemented.cache_info().currsize == 0
    _implemented("nn")
    with applied(mutant), suppress(Exception):
        _implemented("tape.core")
    assert _implemented.cache_info().currsize == 0


def test_what_a_mutant_left_running_is_gone_after_its_trial() -> None:
    from tape.core.running import recording, running
    from tape.core.tape import Tape

    removal = "_state.tapes.remove(tape) -> pass"
    (mutant,) = [m for m in engine_mutants(["tape.core.running"]) if m.change == removal]
    with applied(mutant):
        with recording(Tape()):
            pass
        assert len(running()) == 1
    assert running() == []
