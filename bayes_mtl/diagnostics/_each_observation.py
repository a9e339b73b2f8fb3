"""Each observation at all draws: its density left out and not, and where its target falls."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import pyro
import torch
from torch import Tensor

from bayes_mtl._errors import InputError, message
from bayes_mtl._psis import smooth
from bayes_mtl._seed import seeded
from bayes_mtl.data import TaskData
from bayes_mtl.diagnostics._importance import require_several
from bayes_mtl.posterior import Posterior
from bayes_mtl.posterior._evaluate import chunks, distribution
from bayes_mtl.posterior._request import request_of_data

_LARGEST = 1 << 22
"""Numbers of a part of the data, draws times observations."""
_BLOCK = 1 << 17
"""Numbers worked on together: about what a core's cache holds."""
_LOWEST = float(np.finfo(float).min)


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
    start = 0
    with seeded(seed), pyro.validation_enabled(False), torch.no_grad(), np.errstate(divide="ignore"):
        for part in parts(data, posterior.number):
            batch = request_of_data(posterior.program, part).batch
            power = np.ones(len(part)) if part.weight is None else np.asarray(part.weight, dtype=np.float64)
            for place, some in chunks(posterior.program, posterior.draws, batch):
                given = distribution(posterior.program, posterior.draws, some)
                log = given.log_prob(some.y)
                at = torch.rand(len(place)) if simulate else None
                own, below = place.numpy(), None
                if at is not None:
                    simulated = given.sample()
                    below = _below(simulated, some.y, at)
                    if watch is not None:
                        watch(start + own, simulated.numpy())
                for block in np.array_split(np.arange(len(own)), max(1, log.numel() // _BLOCK)):
                    found = _of_block(_rows(log, block), power[own[block]] if left_out else None, negligible)
                    columns[:3, start + own[block]] = found[:3]
                    if below is not None and at is not None:
                        share = (found[3] * _rows(below, block)).sum(-1)
                        weight = posterior.number / (posterior.number + 1)
                        # The target stands among the draws as one of them: ranks are exactly uniform.
                        columns[3, start + own[block]] = weight * share + (1 - weight) * at[block].numpy()
            start += len(part)
    return EachObservation(*columns)


def _rows(values: Tensor, block: np.ndarray) -> np.ndarray:
    """``[block, draws]`` float64 of ``values [draws, observations]``."""
    found: np.ndarray = values[:, block[0] : block[-1] + 1].T.contiguous().double().numpy()
    return found


def _below(simulated: Tensor, y: Tensor | None, at: Tensor) -> Tensor:
    """``[draws, observations]``: whether a draw lies below the target; ``at`` where it equals it."""
    if y is None:
        raise InputError(message("data", "targets", "none", "Pass the data of the fit."))
    return torch.where(simulated == y, at, (simulated < y).to(at.dtype))


def _of_block(
    log: np.ndarray, power: np.ndarray | None, negligible: float
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Density left out, not left out, k, and the weights ``[rows, draws]`` of the draws."""
    inside = _log_sum(log) - np.log(log.shape[-1])
    if power is None:
        return inside, inside, np.full(len(log), -np.inf), np.full_like(log, 1 / log.shape[-1])
    weights = -power[:, None] * log
    k = smooth(weights, negligible)
    return _log_sum(weights + log), inside, k, np.exp(weights)


def _log_sum(values: np.ndarray) -> np.ndarray:
    largest = np.maximum(values.max(-1, keepdims=True), _LOWEST)
    found: np.ndarray = np.log(np.exp(values - largest).sum(-1)) + largest[:, 0]
    return found


def parts(data: TaskData, draws: int) -> Iterator[TaskData]:
    """The observations in order, in parts whose values at all draws stay within a bounded memory."""
    size = max(1, _LARGEST // draws)
    for start in range(0, len(data), size):
        whole = size >= len(data)
        yield data if whole else data.subset(np.arange(start, min(start + size, len(data))))
