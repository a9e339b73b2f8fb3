"""Draws of the hyperparameters' own posterior, with the weights integrated out."""

from dataclasses import dataclass, replace
from functools import partial

import torch
from torch import Tensor

from bayes_mtl._seed import seeded
from bayes_mtl.data import TaskData
from bayes_mtl.diagnostics._psis import USABLE
from bayes_mtl.inference._adaptive_importance import WeightedPoints, adaptive_importance
from bayes_mtl.inference._collapsed_program import CollapsedProgram, why_not_collapsed
from bayes_mtl.inference._local import local_parameters
from bayes_mtl.inference._many_densities import NotANumber, log_densities
from bayes_mtl.inference._marginal_program import MarginalProgram
from bayes_mtl.inference._potential import Potential
from bayes_mtl.inference._shared_weights import shared_weights
from bayes_mtl.inference._student_mixture import StudentMixture
from bayes_mtl.posterior import Posterior

LARGEST = 20
"""Hyperparameters up to which a Student-t of adapted shape finds its way."""
_WORK = 200_000_000
"""Draws x tasks x weights squared of one round."""
_NUMBERS, _ENOUGH = (500, 1_000, 2_000, 2_000, 2_000, 2_000), 200
"""Draws of each round, and effective ones with which it ends: at the first, near a good approximation."""
_WIDER, _FREEDOM = 2.0, 4.0
"""Variance beside the approximation's, and degrees of freedom: tails for what an approximation leaves out."""


@dataclass(frozen=True, eq=False)
class ExactHyperparameters:
    """Weighted draws.

    Attributes
    ----------
    values
        ``[draws, tasks or 1, *event]`` of each site.
    found
        The same on the unconstrained scale, with weights.
    """

    values: dict[str, Tensor]
    found: WeightedPoints


def exact_hyperparameters(posterior: Posterior, data: TaskData) -> ExactHyperparameters | None:
    """Adaptive importance sampling that begins around the posterior's own draws.

    None where that is not possible or too large.
    """
    program = posterior.program
    if why_not_collapsed(program) is not None or program.network is not None:
        return None
    each = len(posterior.tasks) * len(program.features) ** 2
    if _NUMBERS[-1] * each > _WORK:
        return None
    with seeded(0), local_parameters(), torch.no_grad():
        collapsed = CollapsedProgram(program, data)
        sites = shared_weights(program, collapsed.prior, collapsed.dims)
        smaller = MarginalProgram(collapsed, sites) if sites else None
        potential = Potential(smaller or collapsed)
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
        found = adaptive_importance(
            partial(log_densities, potential),
            _around(points),
            _NUMBERS,
            lambda part: part.k < USABLE and part.effective > _ENOUGH,
        )
        if found is None:
            return None
        values, _ = potential.unpack(found.points)
        if smaller is None:
            return ExactHyperparameters(dict(values), found)
        with NotANumber():
            shared = smaller.draw_shared(values)
    # Far out, where points hardly count, a matrix may be singular to machine precision.
    kept = torch.stack([value.flatten(1).isfinite().all(-1) for value in shared.values()]).all(0)
    weights = found.weights * kept.numpy()
    every = {name: value[kept] for name, value in {**values, **shared}.items()}
    rest = replace(found, points=found.points[kept], weights=weights[kept.numpy()] / weights.sum())
    return ExactHyperparameters(every, rest)


def _around(points: Tensor) -> StudentMixture:
    """A Student-t with the moments of points, but wider."""
    mean = points.mean(0)
    centred = points - mean
    size = points.shape[-1]
    covariance = _WIDER * centred.mT @ centred / len(points)
    covariance = covariance + 1e-6 * covariance.diagonal().mean() * torch.eye(size, dtype=points.dtype)
    one = torch.ones(1, dtype=points.dtype)
    return StudentMixture(one, mean.unsqueeze(0), torch.linalg.cholesky(covariance).unsqueeze(0), _FREEDOM)
