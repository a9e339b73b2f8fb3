"""Modes of all tasks' white weights at once, by damped Newton steps."""

from typing import NamedTuple

import torch
from torch import Tensor

from bayes_mtl.inference._curved import LogDensity, curved
from bayes_mtl.inference._rows_by_task import RowsByTask
from bayes_mtl.inference._small_systems import backward_solved, factor_of, forward_solved
from bayes_mtl.inference._white_system import times

_ITERATIONS, _CONCAVE, _CLOSE = 20, 50, 1e-8
"""Most steps, the most where no cell curves the other way, and the gain in nats that a step may still promise
where it ends.

Where the rows are likely at all a handful is enough; what is left then are hyperparameters far out, such as a
Student-t of next to no scale, whose density is small however it is calculated. Where the density is concave,
what is left is on its way: steps that begin where it hardly curves (counts far from their rate) go too far,
and back by halves.
"""
_SHORTEST, _ROUNDING = 1e-6, 1e-12
"""Length of a step below which a task stays where it is, and a loss that rounding may cause."""


class WhiteModes(NamedTuple):
    """Where the joint density of rows and white weights is highest.

    Attributes
    ----------
    white
        ``[..., tasks, columns]``.
    value
        ``[..., tasks]``: ``log p(rows | w) - u'u / 2`` there.
    factor
        ``[columns, columns, ..., tasks]``: lower Cholesky factor of the negative Hessian there.
    """

    white: Tensor
    value: Tensor
    factor: Tensor


def white_modes(
    rows: RowsByTask, density: LogDensity, mean: Tensor, root: Tensor, near: Tensor | None = None
) -> WhiteModes:
    """Modes for weights ``mean + R u`` with ``u ~ N(0, I)``.

    Parameters
    ----------
    mean
        ``[..., tasks or 1, features]``.
    root
        ``[..., tasks or 1, features, columns]``.
    near
        ``[..., tasks, features]``: weights to begin at where ``root`` has an inverse; by default the mean's.
    """
    mean, root = mean.detach(), root.detach()
    white = _start(rows.tasks, mean, root, near)
    columns = white.shape[-1]
    step, length = torch.zeros_like(white), torch.ones_like(white[..., 0])
    value = torch.full_like(length, -torch.inf)
    factor, close = torch.zeros_like(value).expand(columns, columns, *value.shape), value.isfinite()
    for number in range(1, _CONCAVE + 1):
        trial = white + length.unsqueeze(-1) * step
        found = curved(density, rows.predictor(mean + times(trial.unsqueeze(-2), root.mT).squeeze(-2)))
        worth = rows.totals(found.log) - 0.5 * trial.square().sum(-1)
        better = worth >= value - _ROUNDING * value.abs()
        gradient = times(rows.sums(found.slope).unsqueeze(-2), root).squeeze(-2) - trial
        system = factor_of(white_precision(rows, found.curvature, root))
        solved = forward_solved(system, gradient.movedim(-1, 0))
        # A task that a step made worse tries half of it, from where it was.
        white = torch.where(better.unsqueeze(-1), trial, white)
        ahead = backward_solved(system, solved).movedim(0, -1)
        step = torch.where(better.unsqueeze(-1), ahead, step)
        factor = torch.where(better, system, factor)
        value = torch.where(better, worth, value)
        length = torch.where(better, 1.0, length / 2)
        close = close | better & (solved.square().sum(0) < _CLOSE)
        if bool((close | value.isneginf() | (length < _SHORTEST)).all()):
            break
        if number >= _ITERATIONS and bool((found.curvature < 0).any()):
            break
    return WhiteModes(white, value, factor)


def _start(tasks: int, mean: Tensor, root: Tensor, near: Tensor | None) -> Tensor:
    """White weights, zeros where there are none."""
    lead = torch.broadcast_shapes(mean.shape[:-2], root.shape[:-3])
    zeros = mean.new_zeros(*lead, tasks, root.shape[-1])
    if near is None or root.shape[-2] != root.shape[-1]:
        return zeros
    # The roots are lower triangles: a diagonal, or a Cholesky factor.
    away = (near - mean).unsqueeze(-1).expand(*lead, tasks, *root.shape[-1:], 1)
    found = torch.linalg.solve_triangular(root.expand(*lead, *root.shape[-3:]), away, upper=False).squeeze(-1)
    return torch.where(found.isfinite().all(-1, keepdim=True), found, zeros)


def white_precision(rows: RowsByTask, curvature: Tensor, root: Tensor) -> Tensor:
    """``I + R' X' C X R``, ``[columns, columns, ..., tasks]``, of each cell's ``curvature`` C.

    Where cells that curve the other way, as in a Student-t's tails, leave a task's without a Cholesky factor,
    these are left out.
    """
    exact = _precision(rows, curvature, root)
    if not bool((curvature < 0).any()):
        return exact
    with torch.no_grad():
        definite = factor_of(exact).diagonal(dim1=0, dim2=1).isfinite().all(-1)
    return torch.where(definite, exact, _precision(rows, curvature.clamp_min(0), root))


def _precision(rows: RowsByTask, curvature: Tensor, root: Tensor) -> Tensor:
    found = times(times(rows.sums_of_squares(curvature), root).mT, root)
    identity = torch.eye(found.shape[-1], dtype=found.dtype)
    return (found + identity).movedim((-2, -1), (0, 1))
