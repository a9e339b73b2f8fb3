"""Every task for itself.

Model
-----
``W[t] ~ N(0, diag(scale^2))`` with a fixed, or learned, common scale: the Bayesian form of one ridge
regression a task. Nothing about the tasks' means is shared.

When: the yardstick that every other prior should beat; very many rows in every task.
When not: little data a task, which is what the other priors are for.
"""

from dataclasses import dataclass
from typing import ClassVar

import pyro
import torch
from pyro.distributions import Distribution
from torch import Tensor

from bayes_mtl._settings import check_spreads
from bayes_mtl._shapes import Dims
from bayes_mtl.priors._abstract_gaussian_task_prior import AbstractGaussianTaskPrior
from bayes_mtl.priors._estimates import Estimates
from bayes_mtl.priors._moments import Moments


@dataclass(frozen=True)
class Independent(AbstractGaussianTaskPrior):
    """Independent weights for every task.

    Parameters
    ----------
    scale
        Standard deviation of the weights on the standardised scale: a number, or a prior of one
        number that all tasks and features share (how strong the ridge is, nothing else).
    """

    related_by: ClassVar[str] = "cosine of the weights"

    scale: float | Distribution = 1.0

    def __post_init__(self) -> None:
        check_spreads(self, "scale")

    def moments(self, dims: Dims) -> Moments:
        if isinstance(self.scale, Distribution):
            scale = pyro.sample("scale", self.scale)[..., None, None] * torch.ones(dims.weights)
        else:
            scale = torch.full(dims.weights, float(self.scale))
        return Moments(torch.zeros(dims.weights), scale)

    def initialise(self, estimates: Estimates, dims: Dims) -> dict[str, Tensor]:
        """The ridge estimates, and a learned scale at their root mean square."""
        if not isinstance(self.scale, Distribution):
            return {"weights_noise": estimates.weights / float(self.scale)}
        scale = estimates.weights.square().mean().sqrt()
        return {"scale": scale, "weights_noise": estimates.weights / scale}
