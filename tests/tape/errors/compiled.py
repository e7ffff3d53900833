"""Mistakes with compiled functions."""

from collections.abc import Callable
from typing import Any

import torch

import tape
from tape import compile, grad
from tests.tape.errors.examples import Case, X


def compiled(f: Callable[[Any], Any]) -> Callable[[], Any]:
    return lambda: compile(f).detached(X)


ELSE = "the next call could take another way: write torch.where, or leave it outside the compiled function"

CASES: dict[str, Case] = {
    "branch on a value in a compiled function": (
        compiled(lambda x: x if x.sum() > 0 else -x),
        "compile: a number is read out of a tensor, or branched on, at compiled.py:#  compiled(lambda x: x if x.sum() "
        f"> 0 else -x),; {ELSE}",
    ),
    "shape by values in a compiled function": (
        compiled(lambda x: x.nonzero()),
        "compile: the shape of what nonzero returns depends on values, at compiled.py:#  compiled(lambda x: "
        "x.nonzero()),; write it with torch.where or a mask of fixed shape, or leave it outside the compiled function",
    ),
    "numbers of a tensor in a compiled function": (
        compiled(lambda x: x.numpy()),
        "compile: Tensor.numpy reads numbers out of a tensor, at compiled.py:#  compiled(lambda x: x.numpy()),, which "
        "the next call would not do again; leave it outside the compiled function",
    ),
    "argument that a compiled function changes": (
        compiled(lambda x: x.add_(1)),
        "compile: an argument is changed in place by add_, at compiled.py:#  compiled(lambda x: x.add_(1)),; change "
        "x.clone() instead",
    ),
    "tensor that a compiled function resizes": (
        compiled(lambda x: (x * 2).resize_(9)),
        "compile: resize_ changes in place how much memory a tensor has, at compiled.py:#  compiled(lambda x: (x * "
        "2).resize_(9)),; make a new tensor",
    ),
    "sparse tensor in a compiled function": (
        compiled(lambda x: torch.sparse.mm(x[None].to_sparse(), x[:, None])),
        "compile: a tensor of torch.sparse_coo at compiled.py:#  compiled(lambda x: torch.sparse.mm(x[None].to_sparse()"
        ", x[:, None])),; programs are of dense tensors: write x.to_dense()",
    ),
    "compiled result with a graph of torch's": (
        lambda: compile(lambda x: x * 2).detached(X.clone().requires_grad_()),
        "compile: a result requires grad by torch's autograd, whose derivative would be lost; call it under "
        "torch.no_grad(), or pass x.detach()",
    ),
    "compiled function as a constant, of a traced value": (
        lambda: grad(lambda x: compile(lambda y: (x * y).sum()).detached(X))(X),
        "compile: a traced value is closed over, whose derivative would be lost; pass it as an argument",
    ),
    "checkpoint with random numbers in a compiled function": (
        compiled(grad(lambda x: tape.checkpoint(lambda x: x * torch.rand(()))(x).sum())),
        "checkpoint: a function that draws random numbers cannot be noted, by tape.compile or make_fx: its second run "
        "would draw others; draw them outside and pass them",
    ),
}
