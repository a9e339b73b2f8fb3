"""Importance sampling whose proposal follows what it finds."""

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from bayes_mtl._psis import psis
from bayes_mtl.inference._student_mixture import StudentMixture

NEGLIGIBLE = 10.0
"""Weights of which none counts more than so many times its share need no smoothing, whatever their tail."""


_FEWEST, _EACH = 50.0, 5.0
"""Effective points that a proposal is fitted to, at least, and for each parameter."""
_HALVINGS = 30


@dataclass(frozen=True, eq=False)
class WeightedPoints:
    """Points that stand for a distribution.

    Attributes
    ----------
    points
        ``[points, size]``.
    weights
        ``[points]``, smoothed; they sum to 1.
    k
        Pareto shape of the weights; minus infinity where none counts for much.
    """

    points: Tensor
    weights: np.ndarray
    k: float

    @property
    def effective(self) -> float:
        """Effective number of points."""
        return effective_number(self.weights)

    @property
    def trustworthy(self) -> bool:
        """Whether k is low enough for so many points (Vehtari et al., JMLR 2024, section 3.2.4)."""
        return self.k <= largest_k(len(self.weights))


def largest_k(points: int) -> float:
    """Pareto shape up to which so many weights can be believed; at most 0.7."""
    return min(1.0 - 1.0 / math.log10(max(points, 11)), 0.7)


def adaptive_importance(
    log_density: Callable[[Tensor], Tensor],
    proposal: StudentMixture,
    sizes: tuple[int, ...],
    done: Callable[[WeightedPoints], bool],
) -> WeightedPoints | None:
    """Rounds of points from proposals that are fitted to all weighted points before; None without density.

    Where a few points have most of the weight, a proposal is fitted to flattened weights.

    Parameters
    ----------
    log_density
        ``[points, size] -> [points]``, up to a constant.
    proposal
        Of the first round.
    sizes
        Points of each round, at most.
    done
        Whether it may end with these.

    References
    ----------
    Cornuet, Marin, Mira and Robert, Adaptive multiple importance sampling (Scandinavian Journal of Statistics
    2012): each point is weighted by the mixture of all proposals, so that the points of early rounds, whose
    proposals were poor, do no harm and need not be thrown away. Koblents and Míguez, A population Monte Carlo
    scheme with transformed weights (Statistics and Computing 2015): flattened weights.
    """
    proposals: list[StudentMixture] = []
    every, target = proposal.means[:0], proposal.means[:0, 0]
    each = proposal.means.new_empty(0, 0)  # log-densities, [proposals, points]
    found: WeightedPoints | None = None
    for size in sizes:
        if found is not None:
            least = max(_FEWEST, _EACH * every.shape[-1])
            proposal = proposal.fitted(every, torch.as_tensor(flattened(found.weights, least)))
        each = torch.cat([each, proposal.log_density(every).unsqueeze(0)])
        proposals.append(proposal)
        points = proposal.draw(size)
        each = torch.cat([each, torch.stack([own.log_density(points) for own in proposals])], -1)
        every, target = torch.cat([every, points]), torch.cat([target, log_density(points)])
        if not torch.isfinite(target.max()):
            return None
        shares = torch.tensor(sizes[: len(proposals)], dtype=every.dtype) / len(every)
        mixture = (each + shares.log().unsqueeze(-1)).logsumexp(0)
        smoothed, k = psis((target - mixture).numpy(), NEGLIGIBLE)
        weights = np.exp(smoothed - np.logaddexp.reduce(smoothed))
        found = WeightedPoints(every, weights, math.inf if np.isnan(k) else float(k))
        if done(found):
            break
    return found


def flattened(weights: np.ndarray, least: float) -> np.ndarray:
    """Weights to the highest power, at most 1, with which they are worth ``least`` points.

    Covariances of fewer points than parameters are flat in some direction, and a proposal that follows
    these never looks there again.
    """
    if effective_number(weights) >= least:
        return weights
    logs = np.log(np.maximum(weights, np.finfo(weights.dtype).tiny))

    def powered(power: float) -> np.ndarray:
        found: np.ndarray = np.exp(power * logs - np.logaddexp.reduce(power * logs))
        return found

    low, high = 0.0, 1.0
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        low, high = (middle, high) if effective_number(powered(middle)) >= least else (low, middle)
    return powered(low)


def effective_number(weights: np.ndarray) -> float:
    """Equal weights that average as well as these, which sum to 1 (Kish)."""
    return float(1.0 / np.square(weights).sum())
