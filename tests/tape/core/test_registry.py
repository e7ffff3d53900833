"""Every registered primitive, verified: one line of output for each."""

import functools
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
import torch

import tape
from tape import verify
from tape.core.domain import Case, Convention, Domain, Real, case, real
from tape.core.primitive import Primitive
from tape.core.registry import op, registry


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
    monkeypatch.setattr("tape.core.registry.registry", {})

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


@pytest.mark.parametrize(
    "refused",
    [
        case(real()).refuses(RuntimeError, torch.ones(2)),
        case(real()).refuses(IndexError, "text", match="sin"),
        case(real()).refuses(TypeError, "text", match="another reason"),
    ],
    ids=["it is taken", "another error", "another message"],
)
def test_the_walk_fails_on_a_wrong_refusal(refused: Case, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(registry, "sin", (registry["sin"][0], (refused,)))
    with pytest.raises(verify.VerificationError, match="'bad inputs'"):
        test_primitive_is_verified("sin")


@pytest.mark.parametrize("name", ["topk", "max_along", "min_along", "remainder", "fmod", "hypot", "softplus", "clamp"])
def test_the_walk_fails_on_a_wrong_convention(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    primitive, domain = registry[name]
    wrong = tuple(replace(one, conventions=tuple(_shifted(point) for point in one.conventions)) for one in domain)
    monkeypatch.setitem(registry, name, (primitive, wrong))
    with pytest.raises(verify.VerificationError, match="'conventions'"):
        test_primitive_is_verified(name)


def _shifted(convention: Convention) -> Convention:
    several = isinstance(convention.gives, tuple)
    shifted = tuple(torch.as_tensor(value) + 1.0 for value in (convention.gives if several else (convention.gives,)))
    return replace(convention, gives=shifted if several else shifted[0])


def test_operands_that_do_not_broadcast_are_refused_by_all_that_broadcast() -> None:
    elementwise = [name for name, (_, domain) in registry.items() if _broadcasts(domain)]
    assert {"add", "where", "atan2", "maximum"} <= set(elementwise)
    for name in elementwise:
        assert any(r.match == "must match the size of tensor" for one in registry[name][1] for r in one.refusals), name


def _broadcasts(domain: Domain) -> bool:
    shapes = [[spec.shape for spec in one.args if isinstance(spec, Real)] for one in domain]
    return any(shape == ["...", "..."] for shape in shapes)


def _scaled(rule: Any) -> Callable[..., Any]:
    @functools.wraps(rule)
    def scaled(*values: Any) -> Any:
        return rule(*values) * 1.0001

    return scaled
