"""What a trace says about a recorded function."""

from collections.abc import Callable
from textwrap import dedent
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


def test_a_listing(from_source: Callable[[str], Callable[..., Any]]) -> None:
    f = from_source("""
        def f(params, x):
            y = x @ params["w"]
            y = torch.where(y > 1, y, 0.5 * y)
            return {"loss": y.square().mean(dim=(0, 1)), "rows": len(y)}
    """)
    program = tape.trace(f)({"w": torch.ones(3, 4)}, torch.ones(2, 3))
    expected = """
        %0 float32[3, 4]   argument 0 at w
        %1 float32[2, 3]   argument 1
        %2 float32[2, 4] = matmul(%1, %0)        keeps y 48 B, x 24 B  model.py:2  y = x @ params["w"]
        %3 bool[2, 4]    = gt(%2, 1)             not differentiated    model.py:3  y = torch.where(y > 1, y, 0.5 * y)
        %4 float32[2, 4] = multiply(%2, 0.5)                           model.py:3
        %5 float32[2, 4] = where(%3, %2, %4)     keeps condition 8 B   model.py:3
        %6 float32[2, 4] = square(%5)            keeps x 32 B          model.py:4  RETURN
        %7 float32[]     = mean(%6, dim=(0, 1))                        model.py:4
        returns {'loss': %7, 'rows': 2}; about 80 flops; 112 bytes are kept
    """.replace("RETURN", 'return {"loss": y.square().mean(dim=(0, 1)), "rows": len(y)}')
    assert str(program) == dedent(expected).strip()


def test_a_recipe_is_said_as_a_recipe() -> None:
    program = tape.trace(lambda x: torch.sin(x.repeat_interleave(3).flip(0).repeat_interleave(2)))(torch.ones(4))
    assert program.steps[-1].kept == {"x": 48}
    assert program.steps[-1].recipes == {"x": "repeat_interleave"}
    assert "keeps x by repeat_interleave 48 B" in str(program)


def test_recipes_in_recipes_are_named_from_the_outermost() -> None:
    program = tape.trace(lambda x: torch.sin(F.pad(x.repeat_interleave(3), (1, 1))))(torch.ones(4))
    assert program.steps[-1].recipes == {"x": "pad_constant of repeat_interleave"}


def test_static_arguments_are_shown_where_they_are_not_the_default() -> None:
    x = torch.ones(3, 4)
    program = tape.trace(lambda x: torch.cat([x[:, 1:], x[..., 0:1]], 1).sum(1, keepdim=True))(x)
    shown = [(step.op, step.arguments) for step in program.steps]
    assert shown[-2:] == [("cat", "[%1, %2], dim=1"), ("sum", "%3, dim=1, keepdim=True")]


def test_a_step_of_a_rule_says_so_and_has_the_line_of_the_call(
    from_source: Callable[[str], Callable[..., Any]],
) -> None:
    f = from_source("""
        def energy(x):
            return torch.sin(x).sum()

        def f(x):
            return tape.grad(energy)(x)
    """)
    program = tape.trace(f)(torch.ones(3))
    assert [(step.op, step.source.partition("  ")[0], step.rules) for step in program.steps] == [
        ("sin", "model.py:2", ()),
        ("sum", "model.py:2", ()),
        ("cos", "model.py:2", ("sin",)),
        ("multiply", "model.py:2", ("sin",)),
    ]
    assert "in the rule of sin, model.py:2" in str(program)
    second = tape.trace(tape.grad(lambda x: f(x).sum()))(torch.ones(3))
    assert second.steps[-1].rules == ("cos", "sin")


def test_steps_inside_a_layer_have_the_line_that_calls_it(from_source: Callable[[str], Callable[..., Any]]) -> None:
    f = from_source("""
        def f(x, w):
            return nn.conv2d(x, w)
    """)
    program = tape.trace(f)(torch.ones(1, 2, 5, 5), torch.ones(3, 2, 3, 3))
    assert {step.source for step in program.steps} == {"model.py:2  return nn.conv2d(x, w)"}


def test_a_function_as_one_step() -> None:
    def loss(w: Any, x: Any) -> Any:
        return (x @ w).square().mean()

    program = tape.trace(tape.microbatch(loss, 2))(torch.ones(3), torch.ones(4, 3))
    assert [(step.op, step.arguments, step.flops) for step in program.steps] == [("microbatch", "%0, %1", 0)]


def test_a_trace_inside_a_transformation() -> None:
    programs = []

    def f(x: Any) -> Any:
        programs.append(tape.trace(torch.sin)(x))
        return torch.sin(x)

    assert torch.equal(tape.grad(f)(torch.tensor(1.0)), torch.cos(torch.tensor(1.0)))
    assert [step.op for step in programs[0].steps] == ["sin"]


def test_under_vmap() -> None:
    listings = []

    def f(x: Any) -> Any:
        program = tape.trace(lambda x: torch.exp(x).sum())(x)
        listings.append(str(program))
        return program(2 * x)

    x = torch.linspace(0, 1, 6).reshape(3, 2)
    assert torch.equal(torch.func.vmap(f)(x), torch.exp(2 * x).sum(1))
    assert listings[0].startswith("%0 float32[2]   argument 0")


def test_keywords_are_constants() -> None:
    program = tape.trace(lambda x, *, scale: x * scale)(torch.ones(2), scale=3.0)
    assert torch.equal(program(torch.ones(2) * 2), torch.full((2,), 6.0))


def test_what_is_traced_normally_has_no_observers() -> None:
    tapes = []

    def f(x: Any) -> Any:
        tapes.append(x.tape)
        return x.sin()

    tape.grad(f)(torch.tensor(1.0))
    tape.trace(f)(torch.tensor(1.0))
    assert [bool(one.observers) for one in tapes] == [False, True]
    assert tape.core.tape.observers.get() == ()


@pytest.mark.parametrize("x", [torch.ones(3, 4), torch.ones(3, 8)[:, ::2]])
def test_a_view_is_kept_as_it_is(x: torch.Tensor) -> None:
    program = tape.trace(lambda x: torch.sin(x.permute(1, 0)))(x)
    assert program.steps[-1].kept
    assert not program.steps[-1].recipes


def test_a_recipe_may_begin_with_an_argument_that_is_no_tensor() -> None:
    @tape.primitive
    def stretched(n, x):  # type: ignore[no-untyped-def]
        return x.expand(n, *x.shape)

    stretched.defvjp(x=lambda g: g.sum(0), n=None)
    stretched.keep_recipe()
    assert tape.grad(lambda x: torch.sin(stretched(3, x)).sum())(torch.zeros(2)).equal(torch.full((2,), 3.0))
