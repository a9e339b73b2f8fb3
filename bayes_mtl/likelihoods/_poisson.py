"""Counts.

Model
-----
``y_i ~ Poisson(exp(f_i))``. With exposures (person-years, area, sequencing depth) pass their logarithm
as ``offset``: weights are then effects on the log rate.

When: counts of events that do not cause each other.
When not: the variance exceeds the mean (`NegativeBinomial`); counts out of a known total (`Binomial`).

Reference: McCullagh and Nelder (1989), *Generalized Linear Models*, chapter 6.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from pyro.distributions import Poisson as PyroPoisson
from torch import Tensor

from bayes_mtl._shapes import Dims
from bayes_mtl.data import Batch, TaskData
from bayes_mtl.likelihoods._abstract import AbstractLikelihood
from bayes_mtl.likelihoods._checks import check_numbers, check_support, whole
from bayes_mtl.likelihoods._locations import log_rate, working_log_rate


@dataclass(frozen=True)
class Poisson(AbstractLikelihood):
    """Poisson likelihood with a log link; ``offset`` is the log exposure."""

    name: ClassVar[str] = "poisson"
    discrete: ClassVar[bool] = True

    def check_targets(self, data: TaskData) -> None:
        check_numbers(data, "Use Bernoulli or Categorical.")
        check_support(data, whole(data.y), "whole numbers from 0 (Poisson)", "Pass counts, not rates.")

    def location(self, data: TaskData) -> tuple[np.ndarray, np.ndarray]:
        return log_rate(data)

    def working_response(self, data: TaskData) -> np.ndarray:
        return working_log_rate(data, self.location(data))

    def parameters(self, dims: Dims) -> dict[str, Tensor]:
        return {}

    def distribution(self, f: Tensor, batch: Batch, parameters: Mapping[str, Tensor]) -> PyroPoisson:
        return PyroPoisson(f[..., 0].exp())
