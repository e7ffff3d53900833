import os

import pytest
import torch

from n2n.bench.machine import available_cores, cores, machine


def test_threads_and_cores_are_kept_to_and_given_back() -> None:
    threads, allowed = torch.get_num_threads(), available_cores()
    with cores(1):
        assert torch.get_num_threads() == 1
        if hasattr(os, "sched_getaffinity"):
            assert available_cores() == 1
    assert (torch.get_num_threads(), available_cores()) == (threads, allowed)


def test_they_are_given_back_after_an_error() -> None:
    allowed = available_cores()
    with pytest.raises(ValueError, match="stop"), cores(1):
        raise ValueError("stop")
    assert available_cores() == allowed


def test_the_machine_says_its_name_and_versions() -> None:
    described = machine(torch.device("cpu"))
    assert described["torch"].startswith(torch.__version__.split("+")[0])
    assert described["cpu"]
    assert int(described["cores"]) == available_cores()
