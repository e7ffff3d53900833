"""Torch's own operator database as a judge: value, gradient and second order on its sample inputs."""

import itertools
import warnings
from typing import Any

import pytest
import torch
from torch import Tensor

import tape
from tape.core.traced import Traced

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    pytest.importorskip("expecttest", reason="torch's operator database needs the package expecttest")
    database = pytest.importorskip(
        "torch.testing._internal.common_methods_invocations", reason="this torch has no operator database"
    )

pytestmark = pytest.mark.filterwarnings("ignore")

SAMPLES = 8  # of each op, spread over all that the database has

# How an op says no. A singular matrix is torch's own error.
REFUSALS = (tape.TapeError, TypeError, ValueError, NotImplementedError, torch.linalg.LinAlgError)


def label(op: Any) -> str:
    return f"{op.name}/{op.variant_test_name}" if op.variant_test_name else str(op.name)


# The entries of the database that are taken on one sample at least. Any other may be refused, but not be wrong.
TAKEN = """
H T __rdiv__ __rmatmul__ __rmod__ __rpow__ __rsub__ abs acos acosh add addbmm addcdiv addcmul addmm addmm/decomposed
addmv addr amax amin aminmax asin asinh atan atan2 atanh atleast_1d atleast_2d atleast_3d baddbmm bfloat16
block_diag bmm broadcast_tensors broadcast_to cartesian_prod cat cdist ceil chunk clamp clamp_max clamp_min clone
column_stack combinations conj conj_physical contiguous copysign corrcoef cos cosh cov cross cummax cummin cumprod
cumsum cumulative_trapezoid deg2rad diag diag_embed diagflat diagonal diff digamma dist div/floor_rounding
div/no_rounding_mode div/trunc_rounding dot double dsplit dstack einsum erf erfc erfinv exp exp2 expand expand_as
expm1 flatten flip fliplr flipud float float_power floor fmax fmin fmod frac gather half hsplit hstack hypot
index_add index_copy index_fill index_put index_select inner kron kthvalue ldexp lerp lgamma linalg.cholesky
linalg.cross linalg.det linalg.diagonal linalg.inv linalg.matrix_norm linalg.matrix_power linalg.multi_dot
linalg.norm linalg.norm/subgradients_at_zero linalg.slogdet linalg.solve linalg.solve_triangular linalg.vecdot
linalg.vector_norm log log10 log1p log2 log_softmax log_softmax/with_dtype logaddexp logaddexp2 logcumsumexp logdet
logit logsumexp mH mT masked.amax masked.amin masked.cumprod masked.cumsum masked.log_softmax masked.logaddexp
masked.logsumexp masked.mean masked.norm masked.normalize masked.prod masked.softmax masked.softmin masked.std
masked.sum masked.var masked_fill masked_scatter masked_select matmul max/binary max/reduction_no_dim
max/reduction_with_dim maximum mean median meshgrid/variadic_tensors min/binary min/reduction_no_dim
min/reduction_with_dim minimum mm mode movedim msort mul mv mvlgamma/mvlgamma_p_1 mvlgamma/mvlgamma_p_3
mvlgamma/mvlgamma_p_5 nan_to_num nanmean nansum narrow neg nn.functional.alpha_dropout nn.functional.batch_norm
nn.functional.bilinear nn.functional.binary_cross_entropy nn.functional.binary_cross_entropy_with_logits
nn.functional.celu nn.functional.channel_shuffle nn.functional.cosine_embedding_loss nn.functional.cosine_similarity
nn.functional.cross_entropy nn.functional.dropout nn.functional.dropout2d nn.functional.dropout3d nn.functional.elu
nn.functional.embedding nn.functional.feature_alpha_dropout/with_train
nn.functional.feature_alpha_dropout/without_train nn.functional.gelu nn.functional.glu nn.functional.group_norm
nn.functional.hardshrink nn.functional.hardsigmoid nn.functional.hardswish nn.functional.hardtanh
nn.functional.hinge_embedding_loss nn.functional.huber_loss nn.functional.instance_norm nn.functional.kl_div
nn.functional.layer_norm nn.functional.leaky_relu nn.functional.linear nn.functional.logsigmoid
nn.functional.margin_ranking_loss nn.functional.mish nn.functional.multilabel_soft_margin_loss
nn.functional.nll_loss nn.functional.normalize nn.functional.pad/circular nn.functional.pad/constant
nn.functional.pad/reflect nn.functional.pad/replicate nn.functional.pad/replicate_negative
nn.functional.pairwise_distance nn.functional.pixel_shuffle nn.functional.pixel_unshuffle
nn.functional.poisson_nll_loss nn.functional.prelu nn.functional.relu nn.functional.relu6 nn.functional.rms_norm
nn.functional.rrelu nn.functional.scaled_dot_product_attention nn.functional.selu nn.functional.silu
nn.functional.smooth_l1_loss nn.functional.soft_margin_loss nn.functional.softmin nn.functional.softmin/with_dtype
nn.functional.softplus nn.functional.softshrink nn.functional.softsign nn.functional.tanhshrink
nn.functional.threshold nn.functional.triplet_margin_loss nn.functional.unfold norm norm/fro norm/inf outer permute
polygamma/polygamma_n_0 polygamma/polygamma_n_1 polygamma/polygamma_n_2 polygamma/polygamma_n_3
polygamma/polygamma_n_4 positive pow prod put quantile rad2deg ravel real reciprocal remainder repeat
repeat_interleave reshape reshape_as resolve_conj resolve_neg roll rot90 round round/decimals_0 round/decimals_3
round/decimals_neg_3 rsqrt rsub scatter scatter_add select select_scatter sgn sigmoid sign sin sinc sinh
slice_scatter softmax softmax/with_dtype sort special.entr special.ndtr special.polygamma/special_polygamma_n_0
split split/list_args split_with_sizes sqrt square squeeze squeeze/multiple stack std std/unbiased std_mean
std_mean/unbiased sub sum sum_to_size t take take_along_dim tan tanh tensor_split tensordot tile topk trace
transpose trapezoid trapz tril triu true_divide trunc unbind unflatten unfold unsqueeze var var/unbiased var_mean
var_mean/unbiased vdot view view_as vsplit vstack where xlogy
"""

OPS = {label(op): op for op in database.op_db if torch.float64 in op.dtypes and op.supports_autograd}


def chosen_samples(op: Any) -> list[Any]:
    torch.manual_seed(0)
    samples = list(itertools.islice(op.sample_inputs("cpu", torch.float64, requires_grad=True), 200))
    return samples[:: -(-len(samples) // SAMPLES)] if samples else []


def parts(result: Any) -> list[Any]:
    """The tensors of a result, those of torch's named tuples too."""
    if isinstance(result, (tuple, list)):
        return [leaf for part in result for leaf in parts(part)]
    return [result] if isinstance(result, (Tensor, Traced)) else []


class Program:
    """An op on a sample, as a function of the tensors that the sample asks a derivative for."""

    def __init__(self, op: Any, sample: Any) -> None:
        self.op, self.sample = op, sample
        self.leaves, self.treedef = tape.tree.flatten((sample.input, list(sample.args), sample.kwargs))
        self.places = [i for i, x in enumerate(self.leaves) if isinstance(x, Tensor) and x.requires_grad]
        self.inputs = [self.leaves[i].detach() for i in self.places]

    def __call__(self, *inputs: Any) -> list[Any]:
        filled = [x.detach() if isinstance(x, Tensor) else x for x in self.leaves]
        for place, x in zip(self.places, inputs, strict=True):
            filled[place] = x
        first, args, kwargs = tape.tree.unflatten(self.treedef, filled)
        return parts(self.sample.output_process_fn_grad(self.op(first, *args, **kwargs)))


def noise(x: Tensor, seed: int) -> Tensor:
    return torch.randn(x.shape, dtype=x.dtype, generator=torch.Generator().manual_seed(seed))


def assert_agree(what: str, actual: Any, expected: Any, sample: Any) -> None:
    assert len(actual) == len(expected), what
    for a, e in zip(actual, expected, strict=True):
        # Where torch has no number, at a kink, ours may be finite.
        known = ~torch.isnan(e)
        torch.testing.assert_close(
            torch.where(known, a, 0),
            torch.where(known, e, 0),
            rtol=1e-7,
            atol=1e-7,
            msg=lambda text: f"{what}: {text}\n{sample}",
        )


def compared(op: Any, sample: Any) -> bool:
    """Whether we take a sample; if so, asserts that all agrees with torch's autograd."""
    program = Program(op, sample)
    if not program.places:
        return False
    required = [x.detach().requires_grad_() for x in program.inputs]
    expected = program(*required)
    taken = [i for i, y in enumerate(expected) if y.requires_grad and y.is_floating_point()]
    if not taken:
        return False
    cotangents = [noise(expected[i], i) for i in taken]

    def f(*inputs: Any) -> list[Any]:
        outputs = program(*inputs)
        return [outputs[i] for i in taken]

    count = len(program.inputs)

    def pulled(*values: Any) -> list[Any]:
        _, pullback = tape.vjp(f, *values[:count])
        return list(pullback(list(values[count:])))

    try:
        outputs, pullback = tape.vjp(f, *program.inputs)
        gradients = pullback(cotangents)
    except REFUSALS:
        return False
    assert_agree("value", outputs, [expected[i].detach() for i in taken], sample)
    seeds = [c.clone().requires_grad_() for c in cotangents]
    wanted = torch.autograd.grad(
        [expected[i] for i in taken], required, seeds, create_graph=op.supports_gradgrad, materialize_grads=True
    )
    assert_agree("gradient", gradients, [w.detach() for w in wanted], sample)
    if not op.supports_gradgrad:
        return True

    directions = [noise(w, 100 + i) for i, w in enumerate(wanted)]
    graph = [(w, d) for w, d in zip(wanted, directions, strict=True) if w.requires_grad]
    second: Any = [torch.zeros_like(x) for x in [*required, *seeds]]
    if graph:
        try:
            second = torch.autograd.grad(
                [w for w, _ in graph], [*required, *seeds], [d for _, d in graph], materialize_grads=True
            )
        except RuntimeError:  # torch has no derivative of this derivative
            return True
    _, pullback = tape.vjp(pulled, *program.inputs, *cotangents)
    assert_agree("second order", pullback(directions), second, sample)
    return True


@pytest.mark.parametrize("name", sorted(OPS))
def test_an_op_is_torchs_or_refused(name: str) -> None:
    op = OPS[name]
    taken = sum(compared(op, sample) for sample in chosen_samples(op))
    assert taken or name not in TAKEN.split()


@pytest.mark.parametrize("name", sorted(set(OPS) & set(TAKEN.split()))[::3])
def test_a_pullback_runs_under_vmap(name: str) -> None:  # every third op, for the sake of time
    programs = (Program(OPS[name], sample) for sample in chosen_samples(OPS[name]))
    done: set[bool] = set()  # one sample with numbers among its inputs, one without
    for program in programs:
        numbers = any(x.ndim == 0 for x in program.inputs)
        if not program.inputs or numbers in done:
            continue

        def pulled(*inputs: Any, program: Program = program) -> list[Any]:
            def f(*inputs: Any) -> list[Any]:
                return [y for y in program(*inputs) if y.is_floating_point()]

            outputs, pullback = tape.vjp(f, *inputs)
            return list(pullback([torch.ones_like(y) for y in outputs]))

        try:
            expected = pulled(*program.inputs)
        except REFUSALS:
            continue
        batched = torch.func.vmap(pulled)(*(torch.stack([x, x]) for x in program.inputs))
        for b, e in zip(batched, expected, strict=True):
            torch.testing.assert_close(b[1], e, rtol=1e-7, atol=1e-7, equal_nan=True)
        done.add(numbers)
