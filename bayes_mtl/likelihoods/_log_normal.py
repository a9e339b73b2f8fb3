"""Positive targets whose logarithm is Gaussian.

Model
-----
``log y_i = f_i + s * sigma * e_i``, ``e_i ~ N(0, 1)``, where ``s`` is the spread of ``log y``. The
median of ``y`` is ``exp(f)``. An observation marked in the column ``censored`` says only that the target
is larger than ``y_i``: it contributes ``log P(Y > y_i)``.

When: positive targets whose errors multiply (concentrations, prices, durations); weights are then
effects on the logarithm.
When not: zeros occur; the variance grows like the mean with a light left tail (`Gamma`).

Reference: Limpert, Stahel and Abbt (2001), *Log-normal distributions across the sciences*; Kalbfleisch
and Prentice (2002), section 2.2, for censoring.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, Literal

import numpy as np
import torch
from pyro.distributions import Distribution, HalfNormal
from pyro.distributions import LogNormal as PyroLogNormal
from torch import Tensor

from bayes_mtl._settings import check_priors
from bayes_mtl._shapes import Dims
from bayes_mtl.data import Batch, TaskData
from bayes_mtl.distributions import RightCensored
from bayes_mtl.likelihoods._abstract import AbstractLikelihood
from bayes_mtl.likelihoods._checks import check_choice, check_numbers, check_support
from bayes_mtl.likelihoods._locations import mean_and_spread, without_offset
from bayes_mtl.likelihoods._parameter import sample_parameter


@dataclass(frozen=True)
class LogNormal(AbstractLikelihood):
    """Log-normal likelihood, with right-censoring.

    Parameters
    ----------
    scale
        Prior of the standard deviation of ``log y``, in units of the spread of ``log y``.
    noise
        ``"shared"``: one standard deviation; ``"task"``: one for each task.
    units
        ``"shared"``: log targets of all tasks are standardised together; ``"task"``: each task's by their own
        location and spread, for tasks measured in different units.
    """

    name: ClassVar[str] = "log_normal"
    columns: ClassVar[frozenset[str]] = frozenset({"offset", "weight", "censored"})

    scale: Distribution = HalfNormal(1.0)
    noise: Literal["shared", "task"] = "shared"
    units: Literal["shared", "task"] = "shared"

    def __post_init__(self) -> None:
        check_choice("noise", self.noise, "shared", "task")
        check_choice("units", self.units, "shared", "task")
        check_priors(self, "scale", positive=True, scalar=self.noise == "shared")

    def check_targets(self, data: TaskData) -> None:
        check_numbers(data, "Use Bernoulli or Categorical.")
        check_support(data, data.y > 0, "positive numbers (LogNormal)", "Use Gaussian, or drop them.")

    def location(self, data: TaskData) -> tuple[np.ndarray, np.ndarray]:
        return mean_and_spread(data, np.log(data.y), self.units)

    def working_response(self, data: TaskData) -> np.ndarray:
        shift, spread = self.location(data)
        return (without_offset(data, np.log(data.y))[:, None] - shift[data.task]) / spread[data.task]

    def parameters(self, dims: Dims) -> dict[str, Tensor]:
        return {"scale": sample_parameter("noise_scale", self.scale, self.noise, dims)}

    def distribution(self, f: Tensor, batch: Batch, parameters: Mapping[str, Tensor]) -> Distribution:
        location, scale = f[..., 0], parameters["scale"] * batch.spread_of_observations()
        base = PyroLogNormal(location, scale)
        if batch.censored is None:
            return base

        def log_survival(y: Tensor) -> Tensor:
            return torch.special.log_ndtr((location - y.log()) / scale)

        return RightCensored(base, log_survival, batch.censored)

    def mean(self, f: Tensor, batch: Batch, parameters: Mapping[str, Tensor]) -> Tensor:
        scale = parameters["scale"] * batch.spread_of_observations()
        return (f[..., 0] + 0.5 * scale.square()).exp()
