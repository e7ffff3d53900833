"""The moving average of parameters."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

import optim
from tape import tree


def averages(values, decay):
    average = {"w": torch.tensor([values[0]], dtype=torch.float64)}
    for step, value in enumerate(values[1:]):
        average = optim.moving_average(average, {"w": torch.tensor([value], dtype=torch.float64)}, step, decay)
        yield average["w"].item()


@given(st.lists(st.floats(-10, 10), min_size=2, max_size=40), st.floats(0, 0.9999))
def test_an_average_stays_within_what_it_was_taken_of(values, decay):
    for count, average in enumerate(averages(values, decay), 2):
        assert min(values[:count]) - 1e-9 <= average <= max(values[:count]) + 1e-9


def test_the_decay_is_approached_from_below_and_then_kept():
    """With a first value of 1 and zeros after it, the average is the product of what was kept."""
    kept = list(averages([1.0] + [0.0] * 40, 0.75))
    assert kept[0] == pytest.approx(1 / 10)
    assert kept[1] / kept[0] == pytest.approx(2 / 11)
    assert kept[25] / kept[24] == pytest.approx(26 / 35)
    assert kept[39] / kept[38] == pytest.approx(0.75)


def test_no_decay_is_the_parameters_themselves():
    assert list(averages([3.0, 1.0, 4.0], 0.0)) == [1.0, 4.0]


def test_nothing_that_is_given_is_changed_or_shared():
    average, params = {"w": torch.zeros(3)}, {"w": torch.ones(3)}
    result = optim.moving_average(average, params, 5, 0.9)
    assert torch.equal(average["w"], torch.zeros(3))
    assert torch.equal(params["w"], torch.ones(3))
    assert result["w"].data_ptr() not in {x.data_ptr() for x in tree.leaves((average, params))}


def test_an_average_of_other_parameters_is_refused_by_its_leaf():
    with pytest.raises(ValueError, match="'w'"):
        optim.moving_average({"w": torch.zeros(2)}, {"w": torch.zeros(3)}, 0, 0.9)
    with pytest.raises(ValueError, match="decay"):
        optim.moving_average({"w": torch.zeros(2)}, {"w": torch.zeros(2)}, 0, 1.0)
