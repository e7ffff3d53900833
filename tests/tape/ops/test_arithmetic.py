"""Arithmetic where it is delicate: at ties, at 0, and with Python numbers."""

from typing import Any

import pytest
import torch

import tape


@pytest.mark.parametrize("f", [torch.maximum, torch.minimum])
def test_a_tie_is_shared_in_halves(f: Any, agrees_with_torch: Any, doubles: Any) -> None:
    agrees_with_torch(f, doubles(1, 2, 3), doubles(1, 3, 2))
    agrees_with_torch(lambda x: f(x, x), doubles(1, 2))
    agrees_with_torch(f, doubles(1, 1), doubles(1).squeeze())


@pytest.mark.parametrize("exponent", [0, 0.0, 1, 2, 2.5, 3])
def test_a_power_of_0_by_a_number(exponent: float, agrees_with_torch: Any, doubles: Any) -> None:
    agrees_with_torch(lambda x: x**exponent, doubles(0, 1.5), second=exponent not in (2.5,))


def test_a_power_by_a_tensor_where_either_is_0(agrees_with_torch: Any, doubles: Any) -> None:
    agrees_with_torch(torch.pow, doubles(0, 0, 0, 2, 2), doubles(0, 1, 2, 0, 1), second=False)


def test_the_slope_of_a_power_at_exponent_0_changes_with_the_exponent(doubles: Any) -> None:
    """Here torch gives 0; but x**e is about 1 + e log(x), whose mixed derivative is 1 / x."""

    def slope(x: Any, exponent: Any) -> Any:
        return tape.grad(lambda x: (x**exponent).sum())(x).sum()

    assert tape.grad(slope, 1)(doubles(2, 0.5, 0), doubles(0, 0, 0)).tolist() == [0.5, 2, 0]


def test_an_integer_base_has_its_logarithm_in_the_exponents_precision(doubles: Any) -> None:
    gradient = tape.grad(lambda e: (torch.tensor([3]) ** e).sum())(doubles(1))
    assert gradient.equal(3 * torch.log(doubles(3)))


def test_an_exponent_of_one_number_does_not_widen_the_cotangent_of_the_base() -> None:
    exponent = torch.tensor(2.0, dtype=torch.float64)
    gradient = tape.grad(lambda x: (x**exponent).sum())(torch.tensor([1.0, 3.0]))
    assert gradient.equal(torch.tensor([2.0, 6.0]))


def test_a_power_of_a_negative_base(agrees_with_torch: Any, doubles: Any) -> None:
    agrees_with_torch(lambda x: x**3, doubles(-2, -0.5))
    agrees_with_torch(lambda x: x ** doubles(3, 2), doubles(-2, -0.5))


def test_second_derivatives_of_a_power_at_0_are_finite(doubles: Any) -> None:
    for exponent, expected in ((0, 0.0), (1, 0.0), (2, 2.0), (3, 0.0)):
        x = doubles(0).squeeze()
        assert tape.grad(tape.grad(lambda x, n=exponent: x**n))(x) == expected


@pytest.mark.parametrize("base", [0, 0.0, 2, 0.5])
def test_a_number_to_a_tensors_power(base: float, agrees_with_torch: Any, doubles: Any) -> None:
    agrees_with_torch(lambda x: base**x, doubles(0.5, 1, 2), second=bool(base))


def test_where_does_not_let_a_masked_nan_through(doubles: Any) -> None:
    gradient = tape.grad(lambda x: torch.where(x > 0, torch.log(x.clamp(min=1e-9)), x * 2).sum())(doubles(-1, 2))
    assert gradient.tolist() == [2, 0.5]


def test_rounded_division_is_what_torch_rounds(agrees_with_torch: Any, doubles: Any) -> None:
    x = doubles(1.0, -1.0)  # 1 / 0.1 is 10, and yet 0.1 goes 9 times into 1
    agrees_with_torch(lambda x: torch.div(x, 0.1, rounding_mode="floor") + x, x)
    agrees_with_torch(lambda x: torch.div(x, 0.1, rounding_mode="trunc") + x, x)
    assert tape.vjp(lambda x: torch.div(x, 0.1, rounding_mode="floor"), x)[0].tolist() == [9, -10]


def test_the_remainder_of_a_number(agrees_with_torch: Any, doubles: Any) -> None:
    p = doubles(0.7, 2.0, 5.0)
    expected = tape.grad(lambda p: torch.remainder(torch.full_like(p, 3.0), p).sum())(p)
    torch.testing.assert_close(tape.grad(lambda p: (3 % p).sum())(p), expected)
    torch.testing.assert_close(expected, doubles(-4, -1, 0))


def test_integers_beside_a_traced_value_are_constants(agrees_with_torch: Any, doubles: Any) -> None:
    whole = torch.tensor([1, 2, 3])
    agrees_with_torch(lambda x: x * whole + x / whole - whole * x + x**whole, doubles(1, 2, 3))
    agrees_with_torch(lambda x: x * (whole > 1), doubles(1, 2, 3))
