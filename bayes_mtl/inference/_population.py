"""One Gaussian population of tasks by expectation-maximisation: starting values for every prior."""

from collections.abc import Sequence

import torch
from torch import Tensor

from bayes_mtl.data import Statistics
from bayes_mtl.inference._white_system import white_system

_LARGEST = 200


def ridge(parts: Sequence[Statistics], size: int) -> Tensor:
    """Ridge estimate of each task's weights, shrunk towards the pooled one, ``[tasks, features, outputs]``.

    Parameters
    ----------
    parts
        Sums of each output, which have the same design.
    """
    xx = parts[0].xx[:, :size, :size]
    xy = torch.stack([part.xy[:, :size] for part in parts], -1)
    eye = torch.eye(size, dtype=xx.dtype)
    pooled = _solve(xx.sum(0) + eye, xy.sum(0))
    return _solve(xx + eye, xy + pooled)


def _solve(precision: Tensor, right: Tensor) -> Tensor:
    """By Cholesky factors: those of Gauss, in batches of large matrices, never end on several threads.

    (torch 2.13 with MKL: ten matrices of 200 rows.)
    """
    return torch.cholesky_solve(right, torch.linalg.cholesky(precision))


def population(
    sums: Statistics, size: int, weights: Tensor, iterations: int = 40, *, noise_too: bool = True
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Mean, covariance, noise sd and the tasks' weights under one Gaussian population.

    Starts from ridge estimates ``weights``, ``[tasks, features]``.
    Bakker and Heskes (JMLR 2003), section 3.1; the covariance of the posterior is part of the M-step.
    A little of a diagonal covariance is mixed in, which keeps few tasks from a singular one. With more than
    200 features the covariance is taken from the ridge estimates, diagonal, instead, and the noise, which
    costs a product with all tasks' sums there, is 1 unless it is wanted (``noise_too``).
    """
    xx, xy = sums.xx[:, :size, :size], sums.xy[:, :size]
    mean, spread = weights.mean(0), weights.var(0, correction=0) + 1e-4
    covariance, noise = torch.diag(spread), torch.ones((), dtype=xx.dtype)
    if size > _LARGEST:
        return mean, covariance, _residual(sums, weights, size) if noise_too else noise, weights
    prior = 0.05 * torch.eye(size, dtype=xx.dtype)
    tasks = len(weights)
    for _ in range(iterations):
        root = torch.linalg.cholesky(covariance)
        system = white_system(xx, xy, sums.yy, mean, root, noise.square().reciprocal())
        white = torch.cholesky_inverse(torch.linalg.cholesky(system.precision))
        weights = mean + (white * system.center.unsqueeze(-2)).sum(-1) @ root.mT
        mean = weights.mean(0)
        centred = weights - mean
        together = white.sum(0)
        covariance = (root @ together @ root.mT + centred.mT @ centred + prior) / (tasks + 1)
        # trace of X'X times the weights' covariance, summed over the tasks, by the white precision
        trace = noise.square() * (tasks * size - together.trace())
        noise = (_residual(sums, weights, size).square() + trace / sums.n.sum()).sqrt().clamp_min(1e-3)
    return mean, covariance, noise, weights


def _residual(sums: Statistics, weights: Tensor, size: int) -> Tensor:
    """Root mean square of what the weights leave unexplained."""
    xx, xy = sums.xx[:, :size, :size], sums.xy[:, :size]
    squares = (
        sums.yy - 2 * (weights * xy).sum(-1) + (weights * (xx @ weights.unsqueeze(-1)).squeeze(-1)).sum(-1)
    )
    return (squares.sum().clamp_min(0) / sums.n.sum().clamp_min(1)).sqrt()
