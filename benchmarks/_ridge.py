"""A prior of one width for all weights but the intercept, a share of it common to the tasks."""

import math
from dataclasses import dataclass

import pyro
import torch
from pyro.distributions import Normal

from bayes_mtl._shapes import Dims
from bayes_mtl.priors import AbstractGaussianTaskPrior, Moments


@dataclass(frozen=True)
class Ridge(AbstractGaussianTaskPrior):
    """Weights of variance ``1 / precision``, which tasks have in common up to a share.

    Parameters
    ----------
    precision
        Of every weight but the intercept's.
    share
        Of the variance that is the tasks' common mean's; 0 for independent tasks.
    intercept
        Standard deviation of the intercepts.
    """

    precision: float
    share: float = 0.0
    intercept: float = 3.0

    def moments(self, dims: Dims) -> Moments:
        mean = torch.zeros(dims.weights)
        own = torch.full(dims.weights, math.sqrt((1 - self.share) / self.precision))
        own[..., 0, :] = self.intercept
        if self.share > 0:
            common = torch.full(dims.weights, math.sqrt(self.share / self.precision))
            common[..., 0, :] = self.intercept
            mean = pyro.sample("mean", Normal(mean, common).to_event(2))
        return Moments(mean, own)
