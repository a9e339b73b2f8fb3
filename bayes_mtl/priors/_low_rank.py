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
from pyro.distributions import Distribution, HalfNormal, Normal

from bayes_mtl._errors import InputError, message
from bayes_mtl._shapes import Dims
from bayes_mtl.priors._abstract_gaussian_task_prior import AbstractGaussianTaskPrior
from bayes_mtl.priors._moments import Moments


@dataclass(frozen=True)
class LowRank(AbstractGaussianTaskPrior):
    """Weights that vary between tasks along ``rank`` shared directions.

    Parameters
    ----------
    rank
        Number of directions, at least 1.
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
        if self.rank < 1:
            raise InputError(message("rank", "at least 1", self.rank, "Use Hierarchical for no directions."))

    def moments(self, dims: Dims) -> Moments:
        mean = pyro.sample("mean", self.mean.expand(dims.weights).to_event(2))
        scale = pyro.sample("scale", self.scale.expand(dims.weights).to_event(2))
        strength = pyro.sample("strength", self.strength.expand([self.rank]).to_event(1))
        direction = pyro.sample(
            "direction", Normal(mean.new_zeros(()), 1.0).expand([*dims.weights, self.rank]).to_event(3)
        )
        return Moments(mean, scale, factor=direction * strength[..., None, None, :])
