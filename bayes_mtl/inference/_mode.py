"""The mode of a log-density, and its curvature there."""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from bayes_mtl.inference._potential import Potential


@dataclass(frozen=True, eq=False)
class Mode:
    """Where the optimiser ended, in float64; negative log-densities on its way; and why it ended."""

    point: Tensor
    losses: np.ndarray
    stopped: str


def find_mode(potential: Potential, iterations: int, gain: float) -> Mode:
    """L-BFGS from the potential's start, until a step gains less than ``gain`` nats."""
    from scipy.optimize import minimize

    losses: list[float] = []

    def negative(point: np.ndarray) -> tuple[float, np.ndarray]:
        value, gradient = potential.value_and_gradient(point)
        losses.append(-value)
        return -value, -gradient

    start = potential.start.numpy()
    limits = {
        "maxiter": iterations,
        "maxfun": 4 * iterations,
        "maxcor": 30,
        "ftol": gain / max(1.0, abs(negative(start)[0])),
        "gtol": 1e-3,
    }
    result = minimize(negative, start, jac=True, method="L-BFGS-B", options=limits)
    stopped = "converged" if result.success else str(result.message)
    return Mode(torch.as_tensor(result.x), np.asarray(losses), stopped)


def curvature(potential: Potential, mode: Tensor) -> tuple[Tensor, Tensor]:
    """Eigenvalues and eigenvectors of the negative Hessian."""
    hessian = _hessian(potential, mode)
    values, vectors = torch.linalg.eigh(-(hessian + hessian.mT) / 2)
    return values, vectors


def _hessian(potential: Potential, mode: Tensor, step: float = 1e-4) -> Tensor:
    """Central differences of the exact gradient: error about step^2, no second derivatives needed."""
    point, rows = mode.numpy(), []
    for i in range(len(point)):
        shift = np.zeros_like(point)
        shift[i] = step
        above = potential.value_and_gradient(point + shift)[1]
        below = potential.value_and_gradient(point - shift)[1]
        with np.errstate(invalid="ignore"):  # no curvature, which the eigenvalues' error will say
            rows.append((above - below) / (2 * step))
    return torch.as_tensor(np.stack(rows))
