"""Positive targets with a constant coefficient of variation.

Model
-----
``y_i ~ Gamma(a, a / mu_i)``, ``log mu_i = f_i``: mean ``mu``, standard deviation ``mu / sqrt(a)``, one
concentration ``a`` for all tasks or one for each. An observation marked in the column ``censored`` says
only that the target is larger than ``y_i``: it contributes the logarithm of the survival function, which
is differentiable in every parameter.

When: positive, skewed amounts and durations, and the mean itself is to be modelled.
When not: zeros occur; the right tail is heavier (`LogNormal`). Many censored rows cost: each takes a
quadrature of 128 nodes, and so does every other row of the batch.

Reference: McCullagh and Nelder (1989), *Generalized Linear Models*, chapter 8.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, Literal

import numpy as np
from pyro.distributions import Distribution
from pyro.distributions import Gamma as PyroGamma
from torch import Tensor

from bayes_mtl._settings import check_priors
from bayes_mtl._shapes import Dims
from bayes_mtl.data import Batch, TaskData
from bayes_mtl.distributions import RightCensored, log_upper_gamma
from bayes_mtl.likelihoods._abstract import AbstractLikelihood
from bayes_mtl.likelihoods._checks import check_choice, check_numbers, check_support
from bayes_mtl.likelihoods._locations import same_for_tasks, without_offset
from bayes_mtl.likelihoods._parameter import sample_parameter


@dataclass(frozen=True)
class Gamma(AbstractLikelihood):
    """Gamma likelihood with a log link, with right-censoring.

    Parameters
    ----------
    concentration
        Prior of the concentration ``a``; the coefficient of variation is ``1 / sqrt(a)``.
    dispersion
        ``"shared"``: one concentration; ``"task"``: one for each task.
    """

    name: ClassVar[str] = "gamma"
    columns: ClassVar[frozenset[str]] = frozenset({"offset", "weight", "censored"})

    concentration: Distribution = PyroGamma(2.0, 0.1)
    dispersion: Literal["shared", "task"] = "shared"

    def __post_init__(self) -> None:
        check_choice("dispersion", self.dispersion, "shared", "task")
        check_priors(self, "concentration", positive=True, scalar=self.dispersion == "shared")

    def check_targets(self, data: TaskData) -> None:
        check_numbers(data, "Use Bernoulli or Categorical.")
        check_support(data, data.y > 0, "positive numbers (Gamma)", "Use Gaussian, or drop them.")

    def location(self, data: TaskData) -> tuple[np.ndarray, np.ndarray]:
        if data.y.size == 0:
            return same_for_tasks(data, 0.0)
        amounts = np.exp(without_offset(data, np.log(data.y)))
        # total time by number of ends seen: the exponential's estimate under censoring
        ends = data.y.size if data.censored is None else max(1, int((~data.censored.astype(bool)).sum()))
        return same_for_tasks(data, float(np.log(amounts.sum() / ends)))

    def working_response(self, data: TaskData) -> np.ndarray:
        shift, _ = self.location(data)
        # values near zero have logarithms far below the mean's
        return np.clip(without_offset(data, np.log(data.y))[:, None] - shift[data.task], -4.0, 4.0)

    def parameters(self, dims: Dims) -> dict[str, Tensor]:
        return {
            "concentration": sample_parameter(
                "noise_concentration", self.concentration, self.dispersion, dims
            )
        }

    def distribution(self, f: Tensor, batch: Batch, parameters: Mapping[str, Tensor]) -> Distribution:
        concentration = parameters["concentration"]
        rate = concentration * (-f[..., 0]).exp()
        base = PyroGamma(concentration, rate)
        if batch.censored is None:
            return base

        def log_survival(y: Tensor) -> Tensor:
            return log_upper_gamma(concentration, rate * y)

        return RightCensored(base, log_survival, batch.censored)

    def mean(self, f: Tensor, batch: Batch, parameters: Mapping[str, Tensor]) -> Tensor:
        return f[..., 0].exp()
