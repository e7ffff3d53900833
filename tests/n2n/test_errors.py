from hypothesis import given
from hypothesis import strategies as st

from n2n.errors import InputError, unknown

NAMES = ["gaussian", "poisson", "pointsample"]


def test_a_misspelt_name_is_answered_with_the_nearest() -> None:
    assert str(unknown("noise", "guassian", NAMES)).startswith("unknown noise 'guassian'; did you mean 'gaussian'?")
    assert "did you mean 'poisson'?" in str(unknown("noise", "POISON", NAMES))


@given(st.text())
def test_whatever_was_typed_something_is_suggested(name: str) -> None:
    error = unknown("network", name, NAMES)
    assert isinstance(error, InputError)
    assert "did you mean" in str(error)


def test_an_input_error_is_a_value_error() -> None:
    assert issubclass(InputError, ValueError)
