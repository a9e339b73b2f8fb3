"""Draws of the hyperparameters' own posterior, with the weights integrated out."""

import math
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from bayes_mtl._psis import psis
from bayes_mtl._seed import seeded
from bayes_mtl.data import TaskData
from bayes_mtl.diagnostics._psis import USABLE
from bayes_mtl.inference._collapsed_program import CollapsedProgram, why_not_collapsed
from bayes_mtl.inference._local import local_parameters
from bayes_mtl.inference._potential import Potential
from bayes_mtl.posterior import Posterior

LARGEST = 20
"""Hyperparameters up to which a Student-t of adapted shape finds its way."""
_WORK = 200_000_000
"""Draws x tasks x weights squared of one round."""
_IN_CACHE = 200_000
"""Numbers of the tasks' matrices that are worked on together."""
_NUMBERS, _ENOUGH = (500, 1_000, 2_000, 2_000, 2_000, 2_000), 200
"""Draws of each round, and effective ones with which it ends: at the first, near a good approximation."""
_WIDER, _FREEDOM = 2.0, 4.0
"""Variance beside the approximation's, and degrees of freedom: tails for what an approximation leaves out."""
_SINGULAR: type[Exception] = vars(torch.linalg)["LinAlgError"]


@dataclass(frozen=True, eq=False)
class ExactHyperparameters:
    """Weighted draws.

    Attributes
    ----------
    values
        ``[draws, tasks or 1, *event]`` of each site.
    weights
        ``[draws]``, which sum to 1.
    k
        Pareto shape of the weights.
    """

    values: dict[str, Tensor]
    weights: np.ndarray
    k: float

    @property
    def effective(self) -> float:
        """Effective number of draws."""
        return float(1.0 / np.square(self.weights).sum())


def exact_hyperparameters(posterior: Posterior, data: TaskData) -> ExactHyperparameters | None:
    """Importance sampling whose proposal follows what it finds; None where that is not possible or too large.

    Cappé, Guillin, Marin and Robert, Population Monte Carlo (JCGS 2004), with a Student-t whose moments are
    those of the weighted draws of the round before; the weights are Pareto-smoothed.
    """
    program = posterior.program
    if why_not_collapsed(program) is not None or program.network is not None:
        return None
    each = len(posterior.tasks) * len(program.features) ** 2
    if _NUMBERS[-1] * each > _WORK:
        return None
    with seeded(0), local_parameters(), torch.no_grad():
        potential = Potential(CollapsedProgram(program, data))
        names = [site.name for site in potential.sites]
        if not 0 < len(potential) <= LARGEST or not set(names) <= set(posterior.draws):
            return None
        given = [
            site.transform.inv(posterior.draws[site.name].double()).reshape(posterior.number, -1)
            for site in potential.sites
        ]
        points = torch.cat(given, -1)
        if not torch.isfinite(points).all():
            return None
        weights = torch.full((len(points),), 1.0 / len(points), dtype=torch.float64)
        k = math.inf
        for number in _NUMBERS:
            points, log_proposal = _draw(points, weights, number)
            log = _densities(potential, points, max(1, _IN_CACHE // each)) - log_proposal
            if not torch.isfinite(log.max()):
                return None
            smoothed, shape = psis(log.numpy())
            weights, k = torch.as_tensor(np.exp(smoothed - np.logaddexp.reduce(smoothed))), float(shape)
            if k < USABLE and 1.0 / float(weights.square().sum()) > _ENOUGH:
                break
        values, _ = potential.unpack(points)
    return ExactHyperparameters(dict(values), weights.numpy(), k)


def _draw(points: Tensor, weights: Tensor, number: int) -> tuple[Tensor, Tensor]:
    """Draws of a Student-t with the moments of weighted points, and their log-density up to a constant."""
    mean = weights @ points
    centred = points - mean
    size = points.shape[-1]
    covariance = _WIDER * (weights.unsqueeze(-1) * centred).mT @ centred
    covariance = covariance + 1e-6 * covariance.diagonal().mean() * torch.eye(size, dtype=points.dtype)
    factor = torch.linalg.cholesky(covariance)
    normal = torch.randn(number, size, dtype=points.dtype)
    chi = torch.distributions.Chi2(torch.tensor(_FREEDOM, dtype=points.dtype)).sample([number])
    white = normal * (_FREEDOM / chi).sqrt().unsqueeze(-1)
    return mean + white @ factor.mT, -0.5 * (_FREEDOM + size) * (white.square().sum(-1) / _FREEDOM).log1p()


def _densities(potential: Potential, points: Tensor, together: int) -> Tensor:
    """Log-densities; minus infinity where a matrix is singular."""
    return torch.cat([_of_part(potential, part) for part in points.split(together)]).nan_to_num(
        nan=-math.inf, neginf=-math.inf
    )


def _of_part(potential: Potential, points: Tensor) -> Tensor:
    try:
        return potential.log_density(points)
    except _SINGULAR:  # of one point at least: look for it by halves
        if len(points) == 1:
            return points.new_full((1,), -math.inf)
        return torch.cat([_of_part(potential, half) for half in points.tensor_split(2)])
