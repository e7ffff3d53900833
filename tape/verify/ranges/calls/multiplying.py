"""Calls of products and matrices, and of the losses."""

import math

import torch
import torch.nn.functional as F
from torch import Tensor

from tape.verify.ranges.example import Constant, Symmetric, call, integer, matrix, real, wide

__all__ = ["MULTIPLYING"]

x, y = wide("4 6"), wide("6 5")
square = matrix("4 4")
probability = real("4 6", low=0.0, high=1.0)
sign = real("4", low=-1.0, high=1.0)

MULTIPLYING = (
    call(torch.matmul, x, y),
    call(torch.matmul, wide("2 300"), wide("300 3")),
    call(torch.matmul, wide("2 4 6"), y),
    call(torch.matmul, x, wide("6")),
    call(Tensor.__rmatmul__, y, x),
    call(F.linear, x, wide("5 6"), wide("5")),
    call(F.linear, wide("2 300"), wide("3 300"), wide("3")),
    call(torch.outer, wide("4"), wide("6")),
    call(torch.addmm, wide("5"), x, y),
    call(torch.addmm, wide("4 5"), x, y, beta=0.5, alpha=2.0),
    call(torch.baddbmm, wide("2 4 5"), wide("2 4 6"), wide("2 6 5")),
    call(torch.addmv, wide("4"), x, wide("6")),
    call(torch.addbmm, wide("4 5"), wide("2 4 6"), wide("2 6 5")),
    call(torch.addr, x, wide("4"), wide("6")),
    call(torch.vdot, wide("6"), wide("6")),
    call(torch.linalg.vecdot, x, wide("4 6")),
    call(torch.inner, x, wide("5 6")),
    call(torch.tensordot, x, y, 1),
    call(torch.kron, wide("2 3"), wide("3 2")),
    call(torch.linalg.multi_dot, (x, y, wide("5 3"))),
    call(torch.einsum, "ij,jk->ik", x, y),
    call(torch.einsum, "ij,ij->i", wide("2 300"), wide("2 300")),
    call(F.bilinear, x, wide("4 3"), wide("2 6 3"), wide("2")),
    call(F.scaled_dot_product_attention, wide("2 4 6"), wide("2 5 6"), wide("2 5 3")),
    call(F.scaled_dot_product_attention, wide("2 4 6"), wide("2 4 6"), wide("2 4 3"), is_causal=True),
    call(torch.linalg.cross, wide("4 3"), wide("4 3")),
    call(torch.cross, wide("4 3"), wide("4 3"), dim=1),
    # matrices
    call(torch.linalg.solve, square, wide("4 2")),
    call(torch.linalg.inv, square),
    call(torch.linalg.solve_triangular, square, wide("4 2"), upper=True),
    call(torch.linalg.cholesky, Symmetric("4 4", low=-math.inf, high=math.inf, diagonal=4.0)),
    call(torch.linalg.slogdet, square),
    call(torch.linalg.det, square),
    call(torch.linalg.det, wide("3 3")),
    call(torch.logdet, square),
    call(torch.linalg.matrix_power, square, 3),
    call(torch.linalg.matrix_power, square, -2),
    # losses
    call(F.huber_loss, x, wide("4 6"), delta=0.7),
    call(F.smooth_l1_loss, x, wide("4 6"), beta=0.7),
    call(F.cross_entropy, x, integer("4", below=6)),
    call(F.cross_entropy, x, integer("4", below=6), label_smoothing=0.1),
    call(F.cross_entropy, x, probability),
    call(F.cross_entropy, wide("2 3000"), integer("2", below=3000)),
    call(F.nll_loss, x, integer("4", below=6)),
    call(F.binary_cross_entropy, probability, real("4 6", low=0.0, high=1.0)),
    call(F.binary_cross_entropy_with_logits, x, probability),
    call(F.binary_cross_entropy_with_logits, x, probability, pos_weight=Constant("6", low=0.5, high=3.0)),
    call(F.kl_div, x, probability, reduction="sum"),
    call(F.kl_div, x, wide("4 6"), log_target=True, reduction="sum"),
    call(F.poisson_nll_loss, x, wide("4 6")),
    call(F.poisson_nll_loss, x, wide("4 6"), log_input=False, full=True),
    call(F.soft_margin_loss, x, Constant("4 6", low=-1.0, high=1.0)),
    call(F.multilabel_soft_margin_loss, x, probability),
    call(F.cosine_embedding_loss, x, wide("4 6"), sign),
    call(F.hinge_embedding_loss, x, wide("4 6")),
    call(F.margin_ranking_loss, wide("4"), wide("4"), sign, margin=0.5),
    call(F.triplet_margin_loss, x, wide("4 6"), wide("4 6")),
)
