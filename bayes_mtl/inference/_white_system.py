"""Equations of each task's white weights, from sums over its rows."""

from typing import NamedTuple

import torch
from torch import Tensor


class WhiteSystem(NamedTuple):
    """The posterior of the white weights ``R^-1 (w - m)``, and what led to it.

    Attributes
    ----------
    turned
        ``R' X'X``, ``[..., tasks, columns, features]``.
    error
        ``X'(r - X m)``.
    residual
        Squared residuals at the prior's mean.
    precision, center
        Precision of the white posterior, and precision times mean.
    """

    turned: Tensor
    error: Tensor
    residual: Tensor
    precision: Tensor
    center: Tensor


def white_system(
    xx: Tensor, xy: Tensor, yy: Tensor, mean: Tensor, root: Tensor, inverse: Tensor
) -> WhiteSystem:
    """System of equations of each task's white weights."""
    shifted = times(xx, mean.unsqueeze(-1)).squeeze(-1)
    residual = yy - 2 * (mean * xy).sum(-1) + (mean * shifted).sum(-1)
    error = xy - shifted
    center = inverse.unsqueeze(-1) * times(error.unsqueeze(-2), root).squeeze(-2)
    turned = times(xx, root).mT
    if is_shared(root):
        turned = turned.contiguous()  # for the products to come
    precision = inverse[..., None, None] * times(turned, root)
    precision = precision + identity(root.shape[-1], xx)
    return WhiteSystem(turned, error, residual, precision, center)


def identity(size: int, like: Tensor) -> Tensor:
    """Matrix of the same kind of numbers, in the same place."""
    return torch.eye(size, dtype=like.dtype, device=like.device)


def is_shared(matrix: Tensor) -> bool:
    """Whether it is one matrix for all tasks."""
    return matrix.shape[:-2].numel() == 1


def times(many: Tensor, matrix: Tensor) -> Tensor:
    """``many @ matrix``; where the second is one for all tasks as one product, which small matrices need."""
    if is_shared(matrix):
        # torch.broadcast_shapes is Python, and takes as long as the product of small matrices
        shape = (*[1] * (matrix.dim() - many.dim()), *many.shape[:-2])
        flat = many.reshape(-1, many.shape[-1]) @ matrix.reshape(matrix.shape[-2:])
        return flat.reshape(*shape, many.shape[-2], matrix.shape[-1])
    if matrix.shape[-3] > 1 or many.dim() < 3:
        return many @ matrix
    # one for each of several draws of the hyperparameters: one product a draw
    *before, tasks, rows, size = many.shape
    flat = many.reshape(*before, tasks * rows, size) @ matrix.squeeze(-3)
    return flat.reshape(*flat.shape[:-2], tasks, rows, matrix.shape[-1])
