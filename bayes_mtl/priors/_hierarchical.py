"""Tasks drawn from one Gaussian population.

Model
-----
``W[t] ~ N(m, S)``, ``S = diag(s) R diag(s)``: mean ``m``, standard deviations ``s`` and correlation
``R`` of the population are learned with the tasks. Tasks with few rows are pulled towards the
population's mean, along the directions in which tasks were seen to differ.

When: the first prior to try; tasks are exchangeable, and their differences look Gaussian.
When not: tasks come in distinct kinds (`TaskClustering`); there are too few tasks to learn a spread
(fewer than about five); most weights are exactly zero.

Reference: Bakker and Heskes (JMLR 2003), section 2.1, "one Gaussian"; Gelman and Hill (2007).
"""

from dataclasses import dataclass
from typing import Literal

import pyro
from pyro.distributions import Distribution, HalfNormal, LKJCholesky, Normal
from torch import Tensor

from bayes_mtl._errors import InputError, message
from bayes_mtl._settings import check_positive, check_priors
from bayes_mtl._shapes import Dims
from bayes_mtl.priors._abstract_gaussian_task_prior import AbstractGaussianTaskPrior
from bayes_mtl.priors._estimates import Estimates
from bayes_mtl.priors._moments import Moments


@dataclass(frozen=True)
class Hierarchical(AbstractGaussianTaskPrior):
    """Weights of every task from one Gaussian population.

    Parameters
    ----------
    mean
        Prior of the population's mean, for each feature and output (standardised scale).
    scale
        Prior of the population's standard deviations, for each feature and output.
    covariance
        ``"full"``: features are correlated across tasks; ``"diagonal"``: they are not.
    concentration
        Of the LKJ prior on the correlation: 1 is uniform, more pulls towards none.
    centered
        How SVI and NUTS see the weights: as they are (True), better with many rows a task, or as noise that
        the population's mean and scale turn into weights (False). `Collapsed` needs neither.
    """

    mean: Distribution = Normal(0.0, 1.0)
    scale: Distribution = HalfNormal(1.0)
    covariance: Literal["full", "diagonal"] = "full"
    concentration: float = 1.0
    centered: bool = False

    def __post_init__(self) -> None:
        check_priors(self, "mean")
        check_priors(self, "scale", positive=True)
        check_positive(self, "concentration")
        if self.covariance not in ("full", "diagonal"):
            raise InputError(
                message("covariance", "'full' or 'diagonal'", repr(self.covariance), "Choose one.")
            )

    def moments(self, dims: Dims) -> Moments:
        mean = pyro.sample("mean", self.mean.expand(dims.weights).to_event(2))
        scale = pyro.sample("scale", self.scale.expand(dims.weights).to_event(2))
        if self.covariance == "diagonal" or dims.features == 1:
            return Moments(mean, scale)
        correlation = pyro.sample("correlation", LKJCholesky(dims.features, self.concentration))
        return Moments(mean, scale, correlation)

    def initialise(self, estimates: Estimates, dims: Dims) -> dict[str, Tensor]:
        """The population that expectation-maximisation found."""
        scale, correlation = estimates.scale(), None
        values = {"mean": estimates.mean, "scale": scale, "weights": estimates.shrunk}
        if self.covariance == "full":
            correlation = values["correlation"] = estimates.correlation()
        return {**values, "weights_noise": estimates.noise(scale, correlation)}
