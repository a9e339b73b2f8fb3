"""Counts that vary more than Poisson counts.

Model
-----
``y_i ~ NegativeBinomial(mean mu_i, concentration a)``, ``log mu_i = f_i``: variance ``mu + mu^2 / a``,
a Poisson whose rate is multiplied by a ``Gamma(a, a)`` factor. With exposures pass their logarithm as
``offset``.

When: counts with more spread than their mean (infections, visits, reads of a gene).
When not: the spread is that of a Poisson (`Poisson`); in float32 a concentration above about 1e5 is
lost to rounding.

Reference: Cameron and Trivedi (2013), *Regression Analysis of Count Data*, section 3.3 (NB2).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, Literal

import numpy as np
from pyro.distributions import Distribution, Gamma
from pyro.distributions import NegativeBinomial as PyroNegativeBinomial
from torch import Tensor

from bayes_mtl._settings import check_priors
from bayes_mtl._shapes import Dims
from bayes_mtl.data import Batch, TaskData
from bayes_mtl.likelihoods._abstract import AbstractLikelihood
from bayes_mtl.likelihoods._checks import check_choice, check_numbers, check_support, whole
from bayes_mtl.likelihoods._locations import log_rate, working_log_rate
from bayes_mtl.likelihoods._parameter import sample_parameter


@dataclass(frozen=True)
class NegativeBinomial(AbstractLikelihood):
    """Negative-binomial likelihood with a log link; ``offset`` is the log exposure.

    Parameters
    ----------
    concentration
        Prior of ``a``; large values are close to a Poisson.
    dispersion
        ``"shared"``: one concentration; ``"task"``: one for each task.
    """

    name: ClassVar[str] = "negative_binomial"
    discrete: ClassVar[bool] = True

    concentration: Distribution = Gamma(2.0, 0.1)
    dispersion: Literal["shared", "task"] = "shared"

    def __post_init__(self) -> None:
        check_choice("dispersion", self.dispersion, "shared", "task")
        check_priors(self, "concentration", positive=True, scalar=self.dispersion == "shared")

    def check_targets(self, data: TaskData) -> None:
        check_numbers(data, "Use Bernoulli or Categorical.")
        check_support(
            data, whole(data.y), "whole numbers from 0 (NegativeBinomial)", "Pass counts, not rates."
        )

    def location(self, data: TaskData) -> tuple[np.ndarray, np.ndarray]:
        return log_rate(data)

    def working_response(self, data: TaskData) -> np.ndarray:
        return working_log_rate(data, self.location(data))

    def parameters(self, dims: Dims) -> dict[str, Tensor]:
        return {
            "concentration": sample_parameter(
                "noise_concentration", self.concentration, self.dispersion, dims
            )
        }

    def distribution(self, f: Tensor, batch: Batch, parameters: Mapping[str, Tensor]) -> PyroNegativeBinomial:
        concentration = parameters["concentration"]
        return PyroNegativeBinomial(concentration, logits=f[..., 0] - concentration.log())

    def mean(self, f: Tensor, batch: Batch, parameters: Mapping[str, Tensor]) -> Tensor:
        return f[..., 0].exp()
