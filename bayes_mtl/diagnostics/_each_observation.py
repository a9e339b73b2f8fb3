"""Each observation at all draws: its density left out and not, and where its target falls."""

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import pyro
import torch
from pyro.distributions import Distribution, Normal
from torch import Tensor

from bayes_mtl._errors import InputError, message
from bayes_mtl._seed import seeded
from bayes_mtl.data import TaskData
from bayes_mtl.diagnostics._importance import require_several
from bayes_mtl.diagnostics._one_by_one import left_out_one_by_one
from bayes_mtl.posterior import Posterior
from bayes_mtl.posterior._evaluate import chunks, distribution
from bayes_mtl.posterior._request import request_of_data

_LARGEST = 1 << 22
"""Numbers of a part of the data, draws times observations."""
_LOG_ROOT = 0.5 * math.log(2 * math.pi)


@dataclass(frozen=True, eq=False)
class EachObservation:
    """``[observations]`` each.

    Attributes
    ----------
    elpd, inside, k
        Log predictive density left out, the same not left out, and Pareto k.
    pit
        Probability integral transform of the target, left out.
    """

    elpd: np.ndarray
    inside: np.ndarray
    k: np.ndarray
    pit: np.ndarray


def each_observation(
    posterior: Posterior,
    data: TaskData,
    *,
    left_out: bool = True,
    simulate: bool = True,
    negligible: float = 1.0,
    seed: int = 0,
    watch: Callable[[np.ndarray, np.ndarray], object] | None = None,
) -> EachObservation:
    """Evaluate every observation once, in bounded memory, for all that is asked of it.

    Parameters
    ----------
    left_out
        Whether each is taken out of the fit by smoothed importance weights; else ``elpd`` is ``inside``.
    simulate
        Whether targets are simulated for ``pit``; else it is NaN.
    negligible
        As in `psis`.
    seed
        Of the simulated targets and of the places within ties.
    watch
        Called with positions of observations and their simulated targets, ``[draws, observations]``.
    """
    if left_out:
        require_several(posterior.number)
    columns = np.full((4, len(data)), np.nan)
    ties = any(posterior.program.likelihood.discrete_tasks(len(posterior.tasks)))
    start = 0
    with seeded(seed), pyro.validation_enabled(False), torch.no_grad(), np.errstate(divide="ignore"):
        for part in parts(data, posterior.number):
            batch = request_of_data(posterior.program, part).batch
            power = np.ones(len(part)) if part.weight is None else np.asarray(part.weight, dtype=np.float64)
            for place, some in chunks(posterior.program, posterior.draws, batch):
                given = distribution(posterior.program, posterior.draws, some)
                log = log_density(given, some.y)
                at = torch.rand(len(place)) if simulate else None
                own, below = place.numpy(), None
                if at is not None:
                    simulated = given.sample()
                    below = _below(simulated, some.y, at if ties else None)
                    if watch is not None:
                        watch(start + own, simulated.numpy())
                columns[:, start + own] = left_out_one_by_one(
                    log.numpy(),
                    None if below is None else below.numpy(),
                    power[own] if left_out else None,
                    negligible,
                )
                if at is not None:
                    # The target stands among the draws as one of them: ranks are exactly uniform.
                    weight = posterior.number / (posterior.number + 1)
                    columns[3, start + own] = weight * columns[3, start + own] + (1 - weight) * at.numpy()
            start += len(part)
    return EachObservation(*columns)


def _below(simulated: Tensor, y: Tensor | None, ties: Tensor | None) -> Tensor:
    """``[draws, observations]``: whether a draw lies below the target; ``ties`` where it equals it."""
    if y is None:
        raise InputError(message("data", "targets", "none", "Pass the data of the fit."))
    less = simulated < y
    return less if ties is None else torch.where(simulated == y, ties, less.to(ties.dtype))


def log_density(given: Distribution, y: Tensor | None) -> Tensor:
    """Of targets; for a Gaussian whose spread differs by draw only, without logarithms of each one's."""
    if type(given) is not Normal or y is None:
        return given.log_prob(y)
    scale = given.scale[..., :1]
    if not (given.scale == scale).all():
        return given.log_prob(y)
    found: Tensor = (given.loc - y).div_(scale).square_().mul_(-0.5)
    return found.sub_(scale.log() + _LOG_ROOT)


def parts(data: TaskData, draws: int) -> Iterator[TaskData]:
    """The observations in order, in parts whose values at all draws stay within a bounded memory."""
    size = max(1, _LARGEST // draws)
    for start in range(0, len(data), size):
        whole = size >= len(data)
        yield data if whole else data.subset(np.arange(start, min(start + size, len(data))))
