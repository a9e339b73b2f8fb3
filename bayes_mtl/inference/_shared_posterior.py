"""Posterior of what all tasks share, given the hyperparameters."""

from typing import NamedTuple

import torch
from torch import Tensor

from bayes_mtl.inference._white_system import identity, times


class SharedPosterior(NamedTuple):
    """Posterior of the white shared weights ``u`` given the hyperparameters, and what led to it.

    Attributes
    ----------
    factor, half
        Cholesky factor ``L`` of the precision of ``u``, ``[..., shared, shared]``, and ``L'`` times its mean,
        ``[..., shared, 1]``.
    rotated, rows, solved
        ``C R``; the Cholesky factor of each task's ``I + C R R' C' / sigma^2``; its inverse times ``[D, e]``.
    squares
        Sum of ``e' K^-1 e`` over tasks.
    """

    factor: Tensor
    half: Tensor
    rotated: Tensor
    rows: Tensor
    solved: Tensor
    squares: Tensor

    def draw(self, count: int, each: int) -> Tensor:
        """``[count, each, shared]``, ``each`` for every draw of the hyperparameters."""
        noise = torch.randn(count, self.half.shape[-2], each, dtype=self.half.dtype)
        return torch.linalg.solve_triangular(self.factor.mT, self.half + noise, upper=True).mT


def shared_posterior(
    design: Tensor, shared: Tensor, error: Tensor, root: Tensor, inverse: Tensor
) -> SharedPosterior:
    """Of ``e[t] ~ N(D[t] u, sigma^2 I + C[t] R R' C[t]')`` and ``u ~ N(0, I)``."""
    rotated = times(design, root)
    size = rotated.shape[-2]
    noise = inverse[..., None, None]
    rows = torch.linalg.cholesky(noise * (rotated @ rotated.mT) + identity(size, rotated))
    before = error.shape[:-2]
    right = torch.cat([shared.expand(*before, *shared.shape), error.unsqueeze(-1)], -1)
    solved = torch.linalg.solve_triangular(rows, right, upper=False)
    flat = (noise.sqrt() * solved).flatten(-3, -2)  # rows of all tasks
    products = flat.mT @ flat
    factor = torch.linalg.cholesky(products[..., :-1, :-1] + identity(shared.shape[-1], products))
    half = torch.linalg.solve_triangular(factor, products[..., :-1, -1:], upper=False)
    return SharedPosterior(factor, half, rotated, rows, solved, products[..., -1, -1])
