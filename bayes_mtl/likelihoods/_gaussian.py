"""Gaussian noise.

Model
-----
``y_i = f_i + s * sigma * e_i``, ``e_i ~ N(0, 1)``, where ``s`` is the spread of the targets and
``sigma`` one standard deviation for all tasks, one for each, or known for every observation.

When: measurements whose errors add up; the only likelihood whose weights can be integrated out.
When not: outliers (`StudentT`); positive, skewed targets (`LogNormal`, `Gamma`); counts, classes.

Reference: Gelman and Hill (2007), *Data Analysis Using Regression and Multilevel Models*, chapter 3.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, Literal

import numpy as np
from pyro.distributions import Distribution, HalfNormal, Normal
from torch import Tensor

from bayes_mtl._errors import InputError, message
from bayes_mtl._settings import check_priors
from bayes_mtl._shapes import Dims
from bayes_mtl.data import Batch, TaskData, TaskTable
from bayes_mtl.likelihoods._abstract import AbstractLikelihood
from bayes_mtl.likelihoods._checks import check_choice, check_numbers, check_support
from bayes_mtl.likelihoods._locations import mean_and_spread, mean_and_spread_of, without_offset
from bayes_mtl.likelihoods._parameter import sample_parameter


@dataclass(frozen=True)
class Gaussian(AbstractLikelihood):
    """Gaussian likelihood.

    Parameters
    ----------
    scale
        Prior of the noise's standard deviation, in units of the targets' spread.
    noise
        ``"shared"``: one standard deviation; ``"task"``: one for each task; ``"known"``: the data's
        column ``noise``, in the user's units.
    units
        ``"shared"``: targets of all tasks are standardised together; ``"task"``: each task's by their own
        location and spread, for tasks measured in different units.
    """

    name: ClassVar[str] = "gaussian"

    scale: Distribution = HalfNormal(1.0)
    noise: Literal["shared", "task", "known"] = "shared"
    units: Literal["shared", "task"] = "shared"

    def __post_init__(self) -> None:
        check_choice("noise", self.noise, "shared", "task", "known")
        check_choice("units", self.units, "shared", "task")
        check_priors(self, "scale", positive=True, scalar=self.noise == "shared")

    @property
    def columns(self) -> frozenset[str]:
        return frozenset({"offset", "weight"} | ({"noise"} if self.noise == "known" else set()))

    def check(self, data: TaskData) -> None:
        if (self.noise == "known") != (data.noise is not None):
            raise InputError(
                message(
                    "noise",
                    "Gaussian(noise='known') and a noise column together",
                    "one without the other",
                    "Give both, or neither.",
                )
            )
        super().check(data)

    def check_targets(self, data: TaskData) -> None:
        check_numbers(data, "Use Bernoulli or Categorical.")
        if self.noise == "known" and data.noise is not None:
            expected = "the known standard deviation of each observation (Gaussian)"
            check_support(data, np.isfinite(data.noise), expected, "Pass noise= for this task.", "noise")

    def location(self, data: TaskData) -> tuple[np.ndarray, np.ndarray]:
        return mean_and_spread(data, data.y, self.units)

    def location_of(self, table: TaskTable) -> tuple[np.ndarray, np.ndarray]:
        """`location` of the targets of a table, of which only moments are known."""
        return mean_and_spread_of(table, self.units)

    def working_response(self, data: TaskData) -> np.ndarray:
        shift, spread = self.location(data)
        return (without_offset(data, data.y)[:, None] - shift[data.task]) / spread[data.task]

    def parameters(self, dims: Dims) -> dict[str, Tensor]:
        if self.noise == "known":
            return {}
        return {"scale": sample_parameter("noise_scale", self.scale, self.noise, dims)}

    def distribution(self, f: Tensor, batch: Batch, parameters: Mapping[str, Tensor]) -> Normal:
        if self.noise != "known":
            return Normal(f[..., 0], parameters["scale"] * batch.spread_of_observations())
        if batch.noise is None:
            raise InputError(
                message(
                    "noise",
                    "the known standard deviation of each observation",
                    "none",
                    "Pass noise= to predict targets, or ask for the mean alone.",
                )
            )
        return Normal(f[..., 0], batch.noise)

    def mean(self, f: Tensor, batch: Batch, parameters: Mapping[str, Tensor]) -> Tensor:
        return f[..., 0]
