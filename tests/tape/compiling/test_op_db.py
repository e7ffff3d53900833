"""Every entry of torch's operator database, compiled: plain, in place and with memory of its own for the result."""

import itertools
import warnings
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import torch
from torch import Tensor

from tape import TapeError, compile, tree
from tests.tape.compiling.comparing import identical

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    pytest.importorskip("expecttest", reason="torch's operator database needs the package expecttest")
    database = pytest.importorskip(
        "torch.testing._internal.common_methods_invocations", reason="this torch has no operator database"
    )

pytestmark = pytest.mark.filterwarnings("ignore")

DTYPES = (torch.float32, torch.float64, torch.int64, torch.bool)

# What these return depends on values: a number, or a tensor whose shape the arguments' shapes do not tell.
BY_VALUES = """
allclose argwhere bincount equal item linalg.lstsq linalg.lstsq/grad_oriented masked_select narrow
nn.functional.ctc_loss nn.functional.gaussian_nll_loss nn.functional.one_hot nonzero tensor_split
unique unique_consecutive
"""
# These are refused for what programs do not have: memory that grows, and tensors that are not dense.
REFUSED = "resize_ resize_as_ to_sparse sparse.sampled_addmm sparse.mm/reduce"
# Memory that nobody has written in holds anything.
EMPTY = "empty empty_like empty_permuted empty_strided new_empty new_empty_strided"
# It reads what lies around its argument, of which a function that is compiled has a copy.
AROUND = "as_strided/partial_views"
# By their schemas they change what they are given; not where they do not train, as in the samples.
SAYS_IT_MAY_CHANGE = "_native_batch_norm_legit _batch_norm_with_update"
# With an `out`, torch leaves it as it is where a dispatch mode looks on; others take none on the samples.
NO_OUT = "histogramdd linalg.matrix_rank linalg.matrix_rank/hermitian _batch_norm_with_update"


def label(op: Any) -> str:
    return f"{op.name}/{op.variant_test_name}" if op.variant_test_name else str(op.name)


OPS = {
    label(op): op
    for op in database.op_db
    if not op.name.startswith("jiterator") and label(op) != AROUND  # the first are for GPUs alone
}


@pytest.fixture(autouse=True)
def unseeded(monkeypatch: pytest.MonkeyPatch) -> None:
    """Random entries of the database seed torch's generator, an effect that a compiled function has at first alone."""
    monkeypatch.setattr(database, "wrapper_set_seed", lambda op, *args, **kwargs: op(*args, **kwargs))


class Sample:
    """An entry's sample as a function of its tensors, and other numbers for them."""

    def __init__(self, op: Any, one: Any, other: Any) -> None:
        self.op = op
        self.leaves, self.treedef = tree.flatten((one.input, list(one.args), one.kwargs))
        others, _ = tree.flatten((other.input, list(other.args), other.kwargs))
        self.places = [i for i, x in enumerate(self.leaves) if isinstance(x, Tensor)]
        self.inputs = [self.leaves[i] for i in self.places]
        self.others = [others[i] for i in self.places]

    def filled(self, inputs: Any) -> tuple[Any, list[Any], dict[str, Any]]:
        values = list(self.leaves)
        for place, x in zip(self.places, inputs, strict=True):
            values[place] = x
        first, args, kwargs = tree.unflatten(self.treedef, values)
        return first, args, kwargs

    def plain(self, *inputs: Any) -> Any:
        first, args, kwargs = self.filled(inputs)
        return self.op(first, *args, **kwargs)

    def in_place(self, *inputs: Any) -> Any:
        first, args, kwargs = self.filled(inputs)
        return self.op.inplace_variant(first.clone(), *args, **kwargs)

    def out(self, *inputs: Any) -> Any:
        """Into memory of its own."""
        return self.into(torch.empty_like, inputs)

    def grown_out(self, *inputs: Any) -> Any:
        """Into memory that has yet to grow."""
        return self.into(lambda x: torch.empty(0, dtype=x.dtype), inputs)

    def into(self, empty: Callable[[Tensor], Tensor], inputs: Any) -> Any:
        first, args, kwargs = self.filled(inputs)
        result = tree.map(empty, self.op(first, *args, **kwargs))
        self.op(first, *args, **kwargs, out=result)
        return result

    def changes(self) -> bool:
        """Whether the entry changes its arguments, or says that it may."""
        if label(self.op) in SAYS_IT_MAY_CHANGE.split():
            return True
        inputs = [x.clone() for x in self.inputs]
        self.plain(*inputs)
        return not identical(inputs, self.inputs) or any(x._version for x in inputs)  # some do not count a change


def samples(op: Any, *dtypes: torch.dtype, count: int = 1) -> Iterator[Sample]:
    """The last of the first few samples for each dtype that the entry has: the first ones are mostly 0-d tensors."""
    for dtype in [dtype for dtype in dtypes if dtype in op.dtypes]:
        drawn = []
        for seed in (0, 1):  # the same calls with other numbers
            torch.manual_seed(seed)
            found = itertools.islice(op.sample_inputs("cpu", dtype), 2)
            drawn.append([sample for sample in found if not sample.broadcasts_input])  # which no entry does in place
        yield from [Sample(op, one, other) for one, other in zip(*drawn, strict=True)][-count:]


def assert_same(got: Any, wanted: Any) -> None:
    leaves, treedef = tree.flatten(got)
    others, other_treedef = tree.flatten(wanted)
    assert treedef == other_treedef
    for x, y in zip(leaves, others, strict=True):
        if not identical(x, y):
            torch.testing.assert_close(x, y, equal_nan=True)


def assert_compiles(f: Callable[..., Any], sample: Sample, numbers: bool = True) -> None:
    """The first call and later ones with other numbers give what the function gives, draws of random numbers too."""
    changes = sample.changes()
    if changes and f == sample.plain:
        with pytest.raises(TapeError, match="an argument is changed in place"):
            compile(f)(*sample.inputs)
    given = f
    f = (lambda *inputs: given(*[x.clone() for x in inputs])) if changes else given
    compiled = compile(f)
    for seed, inputs in enumerate([sample.inputs, sample.others]):
        torch.manual_seed(seed)
        wanted = f(*inputs)
        torch.manual_seed(seed)
        got = compiled(*inputs)
        if numbers:
            assert_same(got, wanted)
        else:
            assert tree.map(lambda x: (x.shape, x.dtype), got) == tree.map(lambda x: (x.shape, x.dtype), wanted)
    assert compiled.program(*sample.inputs) is compiled.program(*sample.others)


@pytest.mark.parametrize("name", sorted(set(OPS) - {*BY_VALUES.split(), *REFUSED.split()}))
def test_an_entry_gives_what_it_gives_uncompiled(name: str) -> None:
    op = OPS[name]
    for sample in samples(op, *DTYPES):
        assert_compiles(sample.plain, sample, numbers=name not in EMPTY.split())


@pytest.mark.parametrize("name", sorted({name for name, op in OPS.items() if op.inplace_variant} - {*REFUSED.split()}))
def test_an_entry_in_place(name: str) -> None:
    op = OPS[name]
    for sample in samples(op, torch.float64 if torch.float64 in op.dtypes else torch.int64):
        assert_compiles(sample.in_place, sample)


@pytest.mark.parametrize(
    "name",
    sorted(
        {name for name, op in OPS.items() if op.supports_out} - {*f"{NO_OUT} {REFUSED} {BY_VALUES} {EMPTY}".split()}
    ),
)
def test_an_entry_with_memory_for_its_result(name: str) -> None:
    op = OPS[name]
    for sample in samples(op, torch.float64 if torch.float64 in op.dtypes else torch.int64):
        try:
            assert_compiles(sample.out, sample)
            assert_compiles(sample.grown_out, sample)
        except TapeError as error:  # some call resize_ for it
            if "how much memory a tensor has" not in str(error):
                raise


@pytest.mark.parametrize("name", BY_VALUES.split())
def test_what_depends_on_values_is_refused_for_that(name: str) -> None:
    refused = 0
    for sample in samples(OPS[name], torch.float32, torch.int64, count=2):
        try:
            compile(sample.plain)(*sample.inputs)
        except TapeError as error:
            refused += 1
            message = str(error)
            if "depends on values" not in message and "a number is read out of a tensor" not in message:
                raise
    assert refused


@pytest.mark.parametrize("name", REFUSED.split())
def test_memory_that_grows_and_what_is_not_dense_is_refused(name: str) -> None:
    for sample in samples(OPS[name], torch.float32):
        with pytest.raises(TapeError, match=r"how much memory a tensor has|programs are of dense tensors"):
            compile(sample.plain)(*sample.inputs)
