"""Every registered primitive, verified: one line of output for each."""

import functools
from collections.abc import Callable
from typing import Any

import pytest
import torch

import tape
from tape import verify
from tape.domain import Case, case, real
from tape.primitive import Primitive
from tape.registry import op, registry


@pytest.mark.parametrize("name", sorted(registry))
def test_primitive_is_verified(name: str) -> None:
    primitive, domain = registry[name]
    report = verify.check(primitive, domain=domain)
    for needed in ("primal", "conformity", "linearity", "purity", "determinism", "memory"):
        assert report.examples[needed] > 0, report


def test_there_are_at_least_sixty_primitives() -> None:
    assert len(registry) >= 60


def test_a_primitive_cannot_be_registered_without_a_domain() -> None:
    for domain in (None, (), [], torch.sin):
        with pytest.raises(tape.TapeError, match="needs a domain"):
            op(domain)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "domain", [case(real(kinks=(0.0,))), case((real(distinct=True),)), (case(real()), case(x=(real(kinks=(1.0,)),)))]
)
def test_a_primitive_with_kinks_or_ties_needs_a_convention(domain: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tape.registry.registry", {})

    def crooked(x: Any) -> Any:
        return x

    with pytest.raises(tape.TapeError, match=r"crooked: .* declare .* case\(\.\.\.\)\.at\(<arguments>, gives="):
        op(domain)(crooked)
    op((case(real()).at(0.0, gives=0.0), *((domain,) if isinstance(domain, Case) else domain)))(crooked)


def test_the_walk_fails_on_an_entry_without_a_domain(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(registry, "sin", (registry["sin"][0], ()))
    with pytest.raises(ValueError, match="a domain is one or more cases"):
        test_primitive_is_verified("sin")


@pytest.mark.parametrize("name", ["sin", "multiply", "sum", "index", "sort"])
def test_the_walk_fails_on_a_planted_fault(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    primitive, domain = registry[name]
    wrong: Primitive[..., Any] = Primitive(primitive.function)
    argument, rule = next(iter(primitive.rules.items()))
    wrong.rules = primitive.rules | {argument: _scaled(rule)}
    monkeypatch.setitem(registry, name, (wrong, domain))
    with pytest.raises(verify.VerificationError, match="'vjp'"):
        test_primitive_is_verified(name)


def _scaled(rule: Any) -> Callable[..., Any]:
    @functools.wraps(rule)
    def scaled(*values: Any) -> Any:
        return rule(*values) * 1.0001

    return scaled
