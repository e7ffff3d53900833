"""What a trace says about a recorded function."""

from typing import Any

import pytest
import torch
import torch.nn.functional as F

import nn
import tape


def test_the_program_lists_steps_shapes_and_what_is_kept() -> None:
    program = tape.trace(lambda x, y: torch.sin(x @ y).sum())(torch.ones(2, 3), torch.ones(3, 4))
    assert [step.op for step in program.steps] == ["matmul", "sin", "sum"]
    assert [tuple(like.shape) for step in program.steps for like in step.outputs.values()] == [(2, 4), (2, 4), ()]
    assert program.steps[0].kept == {"x": 24, "y": 48}
    assert "%2 float32[2, 4] = matmul(%0, %1)" in str(program)
    assert str(program).endswith("104 bytes are kept")


def test_a_storage_counts_once() -> None:
    x = torch.ones(10)
    assert tape.trace(lambda x: torch.sin(x) * torch.cos(x.reshape(2, 5).reshape(10)))(x).residual_bytes == 3 * 40


@pytest.mark.parametrize("channels", [4, 24])
def test_a_convolution_keeps_its_input_and_not_its_patches(channels: int) -> None:
    x, w = torch.ones(2, channels, 64, 64), torch.ones(32, channels, 3, 3)
    assert tape.trace(nn.conv2d)(x, w).residual_bytes <= 1.2 * (x.nbytes + w.nbytes)


@pytest.mark.parametrize(
    "enlarged",
    [
        lambda x: F.unfold(x, 3),
        lambda x: x.repeat_interleave(9, -1),
        lambda x: x.expand(9, 4, 16, 16),
        lambda x: F.pad(x, (30, 30, 30, 30)),
        lambda x: x.permute(0, 3, 1, 2).reshape(-1).repeat_interleave(9).reshape(3, -1),
    ],
)
def test_a_recipe_is_kept_in_place_of_a_large_tensor(enlarged: object) -> None:
    x = torch.linspace(0, 1, 1024).reshape(1, 4, 16, 16)
    program = tape.trace(lambda x: torch.sin(enlarged(x)).sum())(x)  # type: ignore[operator]
    assert program.residual_bytes == x.nbytes
    recorded = tape.grad(lambda x: torch.sin(enlarged(x)).sum())(x)  # type: ignore[operator]
    assert torch.allclose(recorded, torch.func.grad(lambda x: torch.sin(enlarged(x)).sum())(x))  # type: ignore[operator]


def test_a_change_in_place_of_what_a_recipe_needs_is_noticed() -> None:
    x = torch.ones(4)
    _, pullback = tape.vjp(lambda y: torch.sin(y.expand(3, 4)), x)
    x.add_(1)
    with pytest.raises(tape.TapeError, match="changed in place"):
        pullback(torch.ones(3, 4))


def test_a_recipe_of_a_list_keeps_its_tensors() -> None:
    @tape.primitive
    def tiled(xs: list[torch.Tensor]) -> torch.Tensor:
        return torch.cat(xs * 5)

    tiled.defvjp(xs=lambda g: list(g.reshape(5, 2, 3).sum(0)))
    tiled.keep_recipe()
    x = torch.ones(3)

    def f(y: torch.Tensor) -> torch.Tensor:
        return torch.sin(tiled([y, x]).expand(4, 30))

    assert tape.trace(f)(torch.ones(3)).residual_bytes == 24
    _, pullback = tape.vjp(f, torch.ones(3))
    x.add_(1)
    with pytest.raises(tape.TapeError, match="changed in place"):
        pullback(torch.ones(4, 30))


def test_the_inputs_of_a_step_are_of_the_program_itself() -> None:
    programs: list[Any] = []

    def f(x: torch.Tensor) -> torch.Tensor:
        programs.append(tape.trace(lambda y: x * y)(torch.ones(3)))
        return x.sum()

    tape.grad(f)(torch.ones(3))
    assert programs[0].steps[0].inputs == (0,)


def test_a_recipe_may_be_asked_for_after_the_first_call() -> None:
    @tape.primitive
    def tripled(x: Any) -> Any:
        return torch.cat([x, x, x])

    tripled.defvjp(x=lambda g: g.reshape(3, -1).sum(0))
    program = tape.trace(lambda x: torch.sin(tripled(x)))
    assert program(torch.zeros(100)).residual_bytes == 1200
    tripled.keep_recipe()
    assert program(torch.zeros(100)).residual_bytes == 400


def test_the_inputs_of_a_program_are_the_floating_point_tensors() -> None:
    program = tape.trace(lambda x, index, y: x[index] * y)(torch.ones(3), torch.tensor([0]), torch.ones(1))
    assert {slot: tuple(like.shape) for slot, like in program.inputs.items()} == {0: (3,), 1: (1,)}
