"""What a compiled function is given: any layout, the same twice, and never changed."""

from typing import Any

import pytest
import torch
from torch import Tensor

import tape
from tape import TapeError, compile

BIG = (40, 60)  # more than what is copied


def numbers(*shape: int, seed: int = 0) -> Tensor:
    return torch.rand(shape, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize("shape", [(3, 4), BIG], ids=["small", "large"])
class TestTensors:
    def test_the_same_tensor_may_be_passed_twice(self, shape: tuple[int, int]) -> None:
        f = compile(lambda x, y: x * 2 + y)
        x, y = numbers(*shape), numbers(*shape, seed=1)
        for given in ((x, x), (x, y), (y, y)):
            assert f(*given).equal(given[0] * 2 + given[1])

    def test_arguments_may_overlap(self, shape: tuple[int, int]) -> None:
        whole = numbers(shape[0] + 1, shape[1])
        f = compile(lambda x, y: torch.sin(x) - y)
        for _ in range(2):
            assert f(whole[1:], whole[:-1]).equal(torch.sin(whole[1:]) - whole[:-1])
        apart = whole[1:].clone(), numbers(*shape, seed=2)
        assert f(*apart).equal(torch.sin(apart[0]) - apart[1])

    def test_any_layout_gives_the_same(self, shape: tuple[int, int]) -> None:
        f = compile(lambda x: torch.exp(x).sum(0) + x[0])
        x = numbers(*shape)
        layouts = [x, x.t().contiguous().t(), torch.stack([x, x], 1)[:, 0], x.repeat(1, 2)[:, : shape[1]], x[None][0]]
        for given in layouts * 2:
            torch.testing.assert_close(f(given), torch.exp(x).sum(0) + x[0])

    @pytest.mark.parametrize("first", [0, 1])
    def test_an_expanded_argument_is_read_as_it_is(self, shape: tuple[int, int], first: int) -> None:
        f = compile(lambda x: x * x + 1)
        given = [numbers(shape[1]).expand(shape), numbers(*shape)]
        for x in (given[first], given[1 - first], given[first]):
            assert f(x).equal(x * x + 1)

    def test_a_view_at_an_offset_is_read_where_it_lies(self, shape: tuple[int, int]) -> None:
        f = compile(lambda x: x[:, 1:] + x[:, :-1])
        f(numbers(*shape))
        x = numbers(3, *shape)[2]
        assert f(x).equal(x[:, 1:] + x[:, :-1])

    def test_a_change_by_the_caller_is_seen_by_the_next_call_and_by_no_result(self, shape: tuple[int, int]) -> None:
        f = compile(lambda x: (x, x + 1))
        x = numbers(*shape)
        before, more = x.clone(), [f(x), f(x)]
        x.zero_()
        for same, sum_ in more:
            assert same.equal(before)
            assert sum_.equal(before + 1)
        assert f(x)[1].equal(torch.ones(shape))

    def test_results_that_are_an_argument_or_a_view_of_one_are_copies(self, shape: tuple[int, int]) -> None:
        f = compile(lambda x: {"same": x, "row": x[1], "turned": x.t()})
        x = numbers(*shape)
        for _ in range(3):
            out = f(x)
            assert out["same"].equal(x)
            assert out["row"].equal(x[1])
            assert out["turned"].equal(x.t())
            storages = {y.untyped_storage().data_ptr() for y in (x, *out.values())}
            assert len(storages) == 4

    def test_results_are_not_overwritten_by_later_calls(self, shape: tuple[int, int]) -> None:
        f = compile(lambda x: (torch.sin(x), torch.sin(x).sum(), torch.cat([x, x])[1:]))
        inputs = [numbers(*shape, seed=seed) for seed in range(4)]
        kept = [f(x) for x in inputs]
        for x, (sine, total, rows) in zip(inputs, kept, strict=True):
            assert sine.equal(torch.sin(x))
            assert total.equal(torch.sin(x).sum())
            assert rows.equal(torch.cat([x, x])[1:])

    def test_a_result_that_the_caller_changes_stays_the_callers(self, shape: tuple[int, int]) -> None:
        f = compile(lambda x: x.relu() * 2)
        x = numbers(*shape)
        for _ in range(3):
            out = f(x)
            assert out.equal(x.relu() * 2)
            out.zero_()

    def test_a_change_of_an_argument_is_refused_with_the_line_and_not_carried_out(self, shape: tuple[int, int]) -> None:
        x = numbers(*shape)
        before = x.clone()
        f = compile(lambda x: x.mul_(2))
        with pytest.raises(TapeError, match=r"argument is changed in place by mul_, at .*test_arguments.py:\d+  f = "):
            f(x)
        assert x.equal(before)

    def test_a_change_of_a_view_of_an_argument_is_refused(self, shape: tuple[int, int]) -> None:
        def f(x: Tensor) -> Tensor:
            x[0] = 1.0
            return x

        with pytest.raises(TapeError, match="argument is changed in place"):
            compile(f)(numbers(*shape))

    def test_a_change_of_what_the_function_made_is_right(self, shape: tuple[int, int]) -> None:
        def f(x: Tensor) -> tuple[Tensor, Tensor]:
            y = x * 2
            z = y + 1
            y[0] = 5.0
            y.add_(z)
            return y, z

        x, y = numbers(*shape), numbers(*shape, seed=1)
        compiled = compile(f)
        for given in (x, y, x):
            for got, wanted in zip(compiled(given), f(given), strict=True):
                assert got.equal(wanted)


def test_pytrees_and_keywords_are_arguments() -> None:
    f = compile(lambda p, *, scale: {"w": p["w"] * scale, "rest": (p["b"][0], None)})
    for seed in (0, 1):
        p = {"w": numbers(3, seed=seed), "b": [numbers(2, seed=seed + 5)]}
        out = f(p, scale=2)
        assert out["w"].equal(p["w"] * 2)
        assert out["rest"][0].equal(p["b"][0])
        assert out["rest"][1] is None


def test_parameters_of_torch_are_read_and_results_keep_no_graph() -> None:
    weight = torch.nn.Parameter(numbers(*BIG))
    f = compile(tape.grad(lambda w: (w * w).sum()))
    for _ in range(2):
        assert f(weight).equal(2 * weight.detach())
        assert not f(weight).requires_grad


def test_a_result_with_a_graph_of_torchs_own_is_refused() -> None:
    weight = torch.nn.Parameter(numbers(3))
    with pytest.raises(TapeError, match="a result requires grad by torch's autograd"):
        compile(lambda w: w * 2)(weight)
    with torch.no_grad():
        assert compile(lambda w: w * 2)(weight).equal(weight * 2)


@pytest.mark.parametrize("dtype", [torch.float64, torch.bfloat16, torch.float16, torch.int64, torch.uint8, torch.bool])
@pytest.mark.parametrize("shape", [(), (0,), (0, 3), (2, 3), (50, 60)])
def test_every_dtype_and_empty_and_0d_tensors(dtype: torch.dtype, shape: tuple[int, ...]) -> None:
    f = compile(
        lambda x: (torch.where(x > 0, x, x), torch.cat([x.reshape(-1), x.reshape(-1)]), x.to(torch.float32) * 2)
    )
    for seed in (0, 1):
        x = (numbers(*shape, seed=seed) * 3).to(dtype)
        for got, wanted in zip(f(x), f.function(x), strict=True):
            assert got.dtype is wanted.dtype
            assert got.equal(wanted)


@pytest.mark.parametrize(
    "f",
    [
        lambda x: (y := x.sin(), y),
        lambda x: (x.sin(), x.sin()),
        lambda x: [x, x],
        lambda x: (y := x.sin(), y[:1], y[:1]),
    ],
    ids=["one value twice", "equal values", "an argument twice", "a view twice"],
)
def test_results_share_memory_with_no_other_result(f: Any) -> None:
    compiled = compile(f)
    for _ in range(3):
        out = tape.tree.leaves(compiled(numbers(3, 4)))
        assert len({x.untyped_storage().data_ptr() for x in out}) == len(out)
        assert all(got.equal(x) for got, x in zip(out, f(numbers(3, 4)), strict=True))


@pytest.mark.parametrize("size", [3, 60])
@pytest.mark.parametrize(
    "f",
    [
        lambda z: z * 2 + z.conj(),
        lambda z: torch.view_as_real(z.resolve_conj())[..., 1:] * 2,
        lambda z: (z.conj().t()[1:] * 1j).imag,
        lambda z: torch.view_as_complex(torch.view_as_real(z * 2).contiguous()).real,
        lambda z: torch.fft.ifft(torch.fft.fft(z) * z.conj()),
        lambda z: z.conj(),
        lambda z: z.conj().imag,
    ],
)
def test_conjugates_and_other_dtypes_of_the_same_memory(f: Any, size: int) -> None:
    compiled = compile(f)
    for seed in range(3):
        z = torch.complex(numbers(size, size, seed=seed), numbers(size, size, seed=seed + 9))
        for given in (z, z.conj(), z.t(), z.conj()[:, :]):
            torch.testing.assert_close(compiled(given), f(given))


@pytest.mark.parametrize("size", [4, 60])
def test_bits_of_a_tensor_may_be_read_as_another_dtype(size: int) -> None:
    f = compile(lambda x: (x.view(torch.int32) >> 3, (x * 2).view(torch.int32)[1:], x.view(torch.uint8)[:, 1:]))
    for seed in range(3):
        for x in (numbers(size, size, seed=seed), numbers(2, size, size, seed=seed)[1]):
            for got, wanted in zip(f(x), f.function(x), strict=True):
                assert got.equal(wanted)


@pytest.mark.filterwarnings("ignore:Sparse CSR tensor support is in beta")
def test_a_tensor_that_is_not_dense_is_refused_at_any_call() -> None:
    f = compile(lambda x: x.to_dense() + 1)
    x = torch.eye(3)
    for _ in range(2):
        assert f(x).equal(x + 1)
        for sparse in (x.to_sparse(), x.to_sparse_csr()):
            with pytest.raises(TapeError, match="programs are of dense tensors"):
                f(sparse)


@pytest.mark.parametrize("size", [4, 60])
def test_an_out_that_does_not_fit_takes_its_shape_and_memory(size: int) -> None:
    def f(x: Tensor) -> tuple[Tensor, Tensor]:
        one, other = torch.empty(0), torch.empty(0)
        torch.sin(x, out=one)
        torch.aminmax(x, dim=0, out=(other, torch.empty(0)))
        return one.exp(), other

    compiled = compile(f)
    for seed in range(4):
        x = numbers(size, size, seed=seed)
        for got, wanted in zip(compiled(x), f(x), strict=True):
            assert got.equal(wanted)


def test_what_grows_in_place_is_refused() -> None:
    with pytest.raises(TapeError, match="addbmm_ changes in place how much memory a tensor has"):
        compile(lambda x, y: torch.zeros(1).addbmm_(x, y))(numbers(2, 3, 4), numbers(2, 4, 5))


def test_outputs_of_one_operation_may_lie_in_one_memory() -> None:
    def f(x: Tensor) -> Tensor:
        q, r = torch.linalg.qr(x)
        out = torch.empty_like(q), torch.empty_like(r)
        torch.linalg.qr(q @ r, out=out)
        return out[0] @ out[1] + torch.linalg.qr(x + 1)[0] @ r

    compiled = compile(f)
    for seed in range(3):
        x = numbers(5, 2, seed=seed)
        torch.testing.assert_close(compiled(x), f(x))


@pytest.mark.parametrize("channels", [3, 2000])
def test_statistics_that_batch_norm_keeps_are_changed_as_it_does_and_never_in_an_argument(channels: int) -> None:
    def f(x: Tensor, mean: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        mean, variance = mean.clone(), torch.ones(channels)
        return torch.nn.functional.batch_norm(x, mean, variance, training=True), mean, variance

    compiled = compile(f)
    for seed in range(3):
        x, mean = numbers(4, channels, seed=seed), numbers(channels, seed=seed + 1)
        before = mean.clone()
        for got, wanted in zip(compiled(x, mean), f(x, mean), strict=True):
            assert got.equal(wanted)
        assert mean.equal(before)
    with pytest.raises(TapeError, match="an argument is changed in place by native_batch_norm"):
        compile(lambda x, m: torch.nn.functional.batch_norm(x, m, m + 1, training=True))(x, mean)


@pytest.mark.parametrize("shape", [(3, 4), BIG], ids=["small", "large"])
def test_inference_mode_makes_inference_tensors_and_leaves_other_calls_alone(shape: tuple[int, int]) -> None:
    compiled = compile(lambda x: (x.sin() * 2, x))
    outside = torch.rand(shape)
    for _ in range(2):
        with torch.inference_mode():
            inside = torch.rand(shape)
            results = compiled(outside)
        assert all(result.is_inference() for result in results)
        for x in (outside, inside):
            one, other = compiled(x)
            assert one.equal(x.sin() * 2)
            assert other.equal(x)
            assert not one.is_inference()
            assert not other.is_inference()
