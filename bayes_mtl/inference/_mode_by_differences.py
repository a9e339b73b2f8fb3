"""The mode of a density of few parameters, by Newton steps from differences of many values at once."""

from collections.abc import Callable

import torch
from torch import Tensor

LARGEST = 20
"""Parameters up to which a Hessian by differences, of n^2 + n + 1 points, is cheaper than by gradients."""
_STEP = 1e-2
"""Between points: wide enough for values that are known to 1e-6, narrow beside any posterior's curvature."""
_ITERATIONS, _CLOSE = 50, 1e-3
"""Most steps, and the gain in nats that a step may still promise at the end."""
_LEAST = 1e-2
"""Curvature below which a direction counts as that flat."""
_LENGTHS = 0.5 ** torch.arange(10, dtype=torch.float64)


def mode_by_differences(
    log_densities: Callable[[Tensor], Tensor], start: Tensor
) -> tuple[Tensor, Tensor] | None:
    """Mode ``[size]`` and the negative Hessian there; None where it finds none.

    Where values cost little beside the call, as with few hyperparameters, a step costs two calls: one
    for the differences, one for ten lengths of the step.

    Parameters
    ----------
    log_densities
        ``[points, size] -> [points]``.
    start
        ``[size]``, float64.
    """
    point, stencil = start, _stencil(len(start))
    for _ in range(_ITERATIONS):
        values = log_densities(point + stencil)
        if not bool(values.isfinite().all()):
            return None
        gradient, hessian = _derivatives(values, len(point))
        curvatures, vectors = torch.linalg.eigh(-hessian)
        turned = vectors.mT @ gradient
        # Saddles are left along their ascent, however little they curve.
        step = vectors @ (turned / curvatures.abs().clamp(min=_LEAST))
        if float(gradient @ step) < 2 * _CLOSE:
            return None if float(curvatures.min()) < 0 else (point, -hessian)
        trials = point + _LENGTHS.unsqueeze(-1) * step
        found = log_densities(trials)
        highest = int(found.argmax())
        if not bool(found[highest] > values[0]):
            return None
        point = trials[highest]
    return None


def _stencil(size: int) -> Tensor:
    """The origin, both neighbours along each axis, and both along the diagonal of each pair of axes."""
    unit = torch.eye(size, dtype=torch.float64)
    pairs = torch.combinations(torch.arange(size), 2)
    along = torch.cat([unit, unit[pairs[:, 0]] + unit[pairs[:, 1]]])
    return _STEP * torch.cat([torch.zeros(1, size, dtype=torch.float64), along, -along])


def _derivatives(values: Tensor, size: int) -> tuple[Tensor, Tensor]:
    """Gradient and Hessian from values at the stencil."""
    above, below = values[1:].chunk(2)
    gradient = (above[:size] - below[:size]) / (2 * _STEP)
    second = (above + below - 2 * values[0]) / _STEP**2  # along each axis and diagonal
    hessian = torch.diag(second[:size])
    for k, (i, j) in enumerate(torch.combinations(torch.arange(size), 2).tolist()):
        hessian[i, j] = hessian[j, i] = (second[size + k] - second[i] - second[j]) / 2
    return gradient, hessian
