"""What `check` says: its report, its messages, and what it refuses."""

import functools
import subprocess
import sys
from typing import Any, NamedTuple

import pytest
import torch

import tape
from tape import verify
from tape.verify.properties import PROPERTIES

X = torch.tensor([0.5, -1.0])


@tape.primitive
def cube(x: Any) -> Any:
    return x**3


cube.defvjp(x=lambda g, x: g * 2 * x**2)


def test_the_report_counts_every_property_or_says_why_not() -> None:
    report = verify.check(torch.sin, X)
    assert set(report.examples) == {entry.name for entry in PROPERTIES}
    for name, count in report.examples.items():
        assert count > 0 or report.skipped[name]
        assert name in str(report)
    assert "domain=" in report.skipped["shapes"]


def test_the_message_names_property_op_input_expected_got_and_a_snippet_that_fails_again() -> None:
    with pytest.raises(verify.VerificationError) as failure:
        verify.check(cube, X)
    message = str(failure.value)
    for part in ("cube violates 'vjp'", "input     x = tensor(", "expected", "got", "import torch"):
        assert part in message
    snippet = message.partition("To run it again:")[2]
    with pytest.raises(verify.VerificationError, match="cube violates 'vjp'"):
        exec("\n".join(line[4:] for line in snippet.strip("\n").splitlines()), {"cube": cube})


@tape.primitive
def rectified(x: Any) -> Any:
    return torch.clamp(x, min=0)


rectified.defvjp(x=lambda g, x: g * (x > 0))


@pytest.mark.parametrize(
    "declared",
    [
        {"conventions": [verify.convention(torch.zeros(2), gives=torch.ones(2))]},
        {"bad_inputs": [verify.refusal(ValueError, torch.ones(2), match="refused")]},
    ],
)
def test_the_snippet_declares_what_was_declared(declared: Any) -> None:
    with pytest.raises(verify.VerificationError) as failure:
        verify.check(rectified, X, kinks=(0.0,), **declared)
    snippet = str(failure.value).partition("To run it again:")[2]
    with pytest.raises(verify.VerificationError) as again:
        exec("\n".join(line[4:] for line in snippet.strip("\n").splitlines()), {"rectified": rectified})
    assert again.value.property == failure.value.property


def test_a_failing_shape_is_shrunk() -> None:
    with pytest.raises(verify.VerificationError, match=r"functools.partial\(broken, factor=2\.0\)") as failure:
        verify.check(broken, domain=verify.case(verify.real("n m"), factor=(1.0, 2.0)))
    assert "shape (2, 2)" in str(failure.value) or str(failure.value).count("tensor([[") > 0


@tape.primitive
def broken(x: Any, *, factor: float) -> Any:
    return factor * x


broken.defvjp(x=lambda g: g)


def test_pytrees_keywords_and_leaves_that_are_no_tensors() -> None:
    class Pair(NamedTuple):
        left: Any
        right: Any

    def f(params: dict[str, Any], pair: Pair, count: int, *, scale: float) -> dict[str, Any]:
        assert count == 3
        return {"y": scale * params["w"] * pair.left + pair.right[0] ** count}

    verify.check(functools.partial(f, scale=2.0), {"w": X, "none": None}, Pair(X, [X]), 3)


def test_float32_examples_are_verified_in_float64_too() -> None:
    assert verify.check(torch.exp, X.to(torch.float32)).examples["vjp"] > 0


def test_the_same_seed_gives_the_same_failure() -> None:
    messages = []
    for _ in range(2):
        with pytest.raises(verify.VerificationError) as failure:
            verify.check(broken, domain=verify.case(verify.real(), factor=(2.0,)), seed=3)
        messages.append(str(failure.value))
    assert messages[0] == messages[1]


def test_what_cannot_be_verified_is_refused() -> None:
    with pytest.raises(ValueError, match="give an example"):
        verify.check(torch.sin)
    with pytest.raises(TypeError, match="no floating-point tensor"):
        verify.check(torch.sin, torch.tensor([1, 2]))
    with pytest.raises(ValueError, match="nothing is verified"):
        verify.check(torch.sin, X, examples=0)
    with pytest.raises(ValueError, match="order is 1 or 2"):
        verify.check(torch.sin, X, order=3)
    with pytest.raises(ValueError, match="no property"):
        verify.check(torch.sin, X, skip={"jvp": "there is none"})
    with pytest.raises(ValueError, match="without a reason"):
        verify.check(torch.sin, X, skip={"vjp": ""})


def test_a_property_can_be_left_out_with_a_reason() -> None:
    report = verify.check(cube, X, skip={"vjp": "known", "second order": "known", "mutants": "known"})
    assert report.skipped["vjp"] == "known"
    assert report.examples["linearity"] > 0


def test_a_suite_is_a_test() -> None:
    test = verify.suite(broken, domain=verify.case(verify.real(), factor=(1.0,)))
    assert test.__name__ == "test_broken"
    test()
    with pytest.raises(verify.VerificationError):
        verify.suite(cube, X)()


def test_without_hypothesis_tape_works_and_verify_says_what_to_install() -> None:
    program = (
        "import sys; sys.modules['hypothesis'] = None\n"
        "import torch, tape\n"
        "assert tape.grad(torch.sin)(torch.tensor(0.0)) == 1\n"
        "try:\n    import tape.verify\n"
        "except ImportError as error:\n    print(error)\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert "pip install 'noise2noise-tape[verify]'" in done.stdout
