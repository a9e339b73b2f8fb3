"""A learned covariance between tasks.

Model
-----
``W ~ MN(1 m', R_tasks, diag(s^2))``: the deviations of the tasks from the mean ``m`` are correlated
by a ``tasks x tasks`` matrix ``R_tasks`` (LKJ prior), the same for every feature.

When: a handful of tasks (up to about 30) and the question *which tasks move together*.
When not: many tasks (the matrix has ``T(T-1)/2`` entries and few features to learn it from); new
tasks, about which it says nothing.

Reference: Zhang and Yeung, A convex formulation for learning task relationships (UAI 2010);
Bonilla, Chai and Williams (NIPS 2007).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

import pyro
import torch
from jaxtyping import Float
from pyro.distributions import Distribution, HalfNormal, LKJCholesky, Normal
from torch import Tensor

from bayes_mtl._errors import InputError, UnsupportedError, message
from bayes_mtl._settings import check_positive, check_priors
from bayes_mtl._shapes import Dims
from bayes_mtl.priors._abstract_gaussian_task_prior import AbstractGaussianTaskPrior
from bayes_mtl.priors._estimates import Estimates
from bayes_mtl.priors._moments import Moments


@dataclass(frozen=True)
class TaskCovariance(AbstractGaussianTaskPrior):
    """Weights correlated between tasks.

    Parameters
    ----------
    mean
        Prior of the mean of the tasks, for each feature and output (standardised scale).
    scale
        Prior of the standard deviation between tasks, for each feature and output.
    concentration
        Of the LKJ prior on the tasks' correlation: 1 is uniform, more pulls towards none.
    """

    related_by: ClassVar[str] = "correlation between tasks"

    mean: Distribution = Normal(0.0, 1.0)
    scale: Distribution = HalfNormal(1.0)
    concentration: float = 1.0

    def __post_init__(self) -> None:
        check_priors(self, "mean")
        check_priors(self, "scale", positive=True)
        check_positive(self, "concentration")

    def new_moments(self, dims: Dims) -> Moments:
        raise UnsupportedError(
            "TaskCovariance learns a covariance between the fitted tasks and says nothing about another one. "
            "Use Hierarchical, LowRank or TaskClustering to predict for new tasks."
        )

    def moments(self, dims: Dims) -> Moments:
        if dims.tasks < 2:
            raise InputError(
                message("TaskCovariance", "at least 2 tasks", dims.tasks, "Use Hierarchical for one task.")
            )
        mean = pyro.sample("mean", self.mean.expand(dims.weights).to_event(2))
        scale = pyro.sample("scale", self.scale.expand(dims.weights).to_event(2))
        between = pyro.sample("task_correlation", LKJCholesky(dims.tasks, self.concentration))
        return Moments(mean, scale, tasks=between)

    def initialise(self, estimates: Estimates, dims: Dims) -> dict[str, Tensor]:
        """The population that expectation-maximisation found, its features and tasks uncorrelated."""
        scale = estimates.scale()
        return {"mean": estimates.mean, "scale": scale, "weights_noise": estimates.noise(scale)}

    def relatedness(self, draws: Mapping[str, Tensor], dims: Dims) -> Float[Tensor, "draws tasks tasks"]:
        """The correlation between tasks, ``[draws, tasks, tasks]``."""
        return self.related_among(draws, dims, torch.arange(draws["task_correlation"].shape[-2]))

    def related_among(self, draws: Mapping[str, Tensor], dims: Dims, tasks: Tensor) -> Tensor:
        factor = draws["task_correlation"].squeeze(1)
        factor = factor[:, tasks.to(factor.device)]
        return factor @ factor.mT
