"""Log evidence of all tasks together, with what they share integrated out as well."""

import math
from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from bayes_mtl.inference._shared_posterior import shared_posterior
from bayes_mtl.inference._white_system import identity, is_shared, times

_LOG_2PI = math.log(2 * math.pi)


class LogMarginal(torch.autograd.Function):
    r"""``log N(e; 0, D D' + blocks of sigma^2 I + C R R' C')`` from reduced rows of each task.

    With ``K`` the covariance of one task's rows given the shared weights ``u``, whose posterior is
    ``N(m, V)``, the gradient by ``K`` is ``E[a a' - K^-1] / 2`` with ``a = K^-1 (e - D u)``: Fisher's
    identity, the expectation over ``u`` in closed form.
    """

    @staticmethod
    def forward(ctx: Any, *arguments: Tensor) -> Tensor:
        design, shared, error, left, n, root, inverse = arguments
        found = shared_posterior(design, shared, error, root, inverse)
        ctx.save_for_backward(*arguments, *found[:-1])
        log = 0.5 * (n * (inverse.log() - _LOG_2PI) - inverse * left)
        log = (log - _log_diagonal(found.rows)).sum(-1) - _log_diagonal(found.factor)
        return log + 0.5 * (found.half.square().sum((-2, -1)) - found.squares)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        design, _, error, left, n, root, inverse, factor, half, rotated, rows, solved = ctx.saved_tensors
        gradient, noise = gradients[0][..., None], inverse[..., None, None]
        # Columns: a root of V, then e - D m, all as rows of each task in units of their covariance.
        white = torch.linalg.solve_triangular(factor, identity(factor.shape[-1], factor), upper=False).mT
        corner = torch.nn.functional.pad(torch.zeros_like(half.mT), (0, 1), value=1.0)
        columns = torch.cat([torch.cat([white, -white @ half], -1), corner], -2)
        moved = times(solved, columns.unsqueeze(-3) if columns.dim() > 2 else columns)
        inner = noise.square() * (moved @ moved.mT) - noise * identity(rows.shape[-1], rows)
        outer = torch.linalg.solve_triangular(rows.mT, inner, upper=True)
        outer = torch.linalg.solve_triangular(rows.mT, outer.mT, upper=True)  # E[a a' - K^-1]
        pulled = outer @ rotated
        variance = outer.diagonal(dim1=-2, dim2=-1).sum(-1)
        variance = variance - (n - rows.shape[-1]) * inverse + left * inverse.square()
        for_error = None
        if ctx.needs_input_grad[2]:
            score = torch.linalg.solve_triangular(rows.mT, moved[..., -1:], upper=True).squeeze(-1)
            for_error = (-gradient[..., None] * inverse[..., None] * score).sum_to_size(error.shape)
        if is_shared(root) or root.shape[-3] == 1:
            for_root = design.expand(*pulled.shape[:-2], *design.shape[-2:]).flatten(-3, -2).mT
            for_root = (gradient[..., None] * (for_root @ pulled.flatten(-3, -2))).unsqueeze(-3)
        else:
            for_root = gradient[..., None, None] * (design.mT @ pulled)
        for_inverse = -0.5 * gradient * variance / inverse.square()
        return (
            *(None, None, for_error, None, None),
            for_root.sum_to_size(root.shape),
            for_inverse.sum_to_size(inverse.shape),
        )


def log_marginal(*arguments: Tensor) -> Tensor:
    """`LogMarginal` of ``design, shared, error, left, n, root, inverse``, ``[...]``."""
    value: Tensor = LogMarginal.apply(*arguments)  # type: ignore[no-untyped-call]
    return value


def _log_diagonal(factor: Tensor) -> Tensor:
    return factor.diagonal(dim1=-2, dim2=-1).log().sum(-1)
