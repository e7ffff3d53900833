from typing import Any

import pytest
import torch
import torch.nn.functional as F

import tape


@pytest.mark.parametrize(
    ("f", "error"),
    [
        (lambda x: F.batch_norm(x, torch.zeros(2), torch.ones(2), training=True), NotImplementedError),
        (lambda x: F.batch_norm(x, None, torch.ones(2)), ValueError),
        (lambda x: F.instance_norm(x, torch.zeros(2), torch.ones(2)), NotImplementedError),
        (lambda x: F.instance_norm(x, use_input_stats=False), NotImplementedError),
        (lambda x: F.group_norm(x, 3), ValueError),
        (lambda x: F.layer_norm(x, (2,)), ValueError),
        (lambda x: F.rms_norm(x, ()), ValueError),
    ],
)
def test_running_statistics_and_shapes_that_do_not_fit_are_refused(f: Any, error: type[Exception]) -> None:
    with pytest.raises(error, match="_norm: "):
        tape.vjp(f, torch.ones(4, 2, 3))
