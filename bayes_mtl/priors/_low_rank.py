"""Tasks that differ along a few shared directions.

Model
-----
``W[t] = m + B u[t] + diag(s) e[t]``, ``u[t] ~ N(0, I)`` of ``rank`` entries: ``S = B B' + diag(s^2)``,
a factor analysis of the weights. The columns of ``B`` are given one scale each, so that directions
that the data do not need shrink away.

When: many features, tasks that vary together in few ways, more features than tasks.
When not: few features (`Hierarchical` with a full covariance is the same and simpler).

Reference: Zhang, Ghahramani and Yang, Flexible latent variable models for multi-task learning
(Machine Learning 2008); trace-norm regularisation is its point estimate.
"""

from dataclasses import dataclass

import pyro
import torch
from pyro.distributions import Distribution, HalfNormal, Normal
from torch import Tensor

from bayes_mtl._settings import check_priors, check_whole
from bayes_mtl._shapes import Dims
from bayes_mtl.priors._abstract_gaussian_task_prior import AbstractGaussianTaskPrior
from bayes_mtl.priors._estimates import Estimates
from bayes_mtl.priors._moments import Moments


@dataclass(frozen=True)
class LowRank(AbstractGaussianTaskPrior):
    """Weights that vary between tasks along ``rank`` shared directions.

    Parameters
    ----------
    rank
        Number of directions, at least 1. More than features times outputs add nothing: the rest shrinks.
    mean
        Prior of the population's mean, for each feature and output (standardised scale).
    scale
        Prior of the standard deviation of what the directions do not explain.
    strength
        Prior of each direction's overall scale.
    """

    rank: int = 2
    mean: Distribution = Normal(0.0, 1.0)
    scale: Distribution = HalfNormal(0.5)
    strength: Distribution = HalfNormal(1.0)

    def __post_init__(self) -> None:
        check_whole(self, "rank", 1, "Use Hierarchical for no directions.")
        check_priors(self, "mean")
        check_priors(self, "scale", "strength", positive=True)

    def moments(self, dims: Dims) -> Moments:
        mean = pyro.sample("mean", self.mean.expand(dims.weights).to_event(2))
        scale = pyro.sample("scale", self.scale.expand(dims.weights).to_event(2))
        strength = pyro.sample("strength", self.strength.expand([self.rank]).to_event(1))
        direction = pyro.sample(
            "direction", Normal(mean.new_zeros(()), 1.0).expand([*dims.weights, self.rank]).to_event(3)
        )
        return Moments(mean, scale, factor=direction * strength[..., None, None, :])

    def initialise(self, estimates: Estimates, dims: Dims) -> dict[str, Tensor]:
        """The leading directions of the population that expectation-maximisation found."""
        covariance = estimates.covariance.mean(0)
        values, vectors = torch.linalg.eigh(covariance)
        kept = min(self.rank, dims.features)
        leading, directions = values[-kept:].clamp_min(1e-6), vectors[:, -kept:]
        strength = torch.full((self.rank,), 0.05)
        strength[:kept] = (leading / dims.features).sqrt()
        direction = 0.1 * torch.ones(*dims.weights, self.rank)
        direction[..., :kept] = directions.unsqueeze(1) * dims.features**0.5
        left = covariance - (directions * leading) @ directions.mT
        scale = left.diagonal().clamp_min(1e-3).sqrt().unsqueeze(-1).expand(*dims.weights)
        return {"mean": estimates.mean, "strength": strength, "direction": direction, "scale": scale}
