"""One weight vector for all tasks.

Model
-----
``W[t] = w``, ``w ~ N(0, scale^2)``: tasks do not differ at all, a new task is like the old ones.

When: the other yardstick; tasks that hardly differ, or with one or two rows each.
When not: anything is to be said about single tasks.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

import pyro
from pyro.distributions import Distribution, Normal
from torch import Tensor

from bayes_mtl._settings import check_priors
from bayes_mtl._shapes import Dims
from bayes_mtl.priors._abstract_gaussian_task_prior import AbstractGaussianTaskPrior
from bayes_mtl.priors._estimates import Estimates
from bayes_mtl.priors._moments import Moments


@dataclass(frozen=True)
class Pooled(AbstractGaussianTaskPrior):
    """The same weights for every task.

    Parameters
    ----------
    mean
        Prior of each weight (standardised scale).
    """

    related_by: ClassVar[str] = "1: all tasks have the same weights"

    mean: Distribution = Normal(0.0, 1.0)

    def __post_init__(self) -> None:
        check_priors(self, "mean")

    def moments(self, dims: Dims) -> Moments:
        return Moments(pyro.sample("mean", self.mean.expand(dims.weights).to_event(2)))

    def relatedness(self, draws: Mapping[str, Tensor], dims: Dims) -> Tensor:
        """``[draws, tasks, tasks]`` ones: tasks that do not differ could not be more alike."""
        weights = draws["weights"]
        return weights.new_ones(len(weights), dims.tasks, dims.tasks)

    def initialise(self, estimates: Estimates, dims: Dims) -> dict[str, Tensor]:
        """The mean of the population that expectation-maximisation found."""
        return {"mean": estimates.mean}
