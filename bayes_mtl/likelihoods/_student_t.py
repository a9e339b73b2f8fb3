"""Noise with heavy tails.

Model
-----
``y_i = f_i + s * sigma * t_i``, ``t_i ~ Student-t(df)``, where ``s`` is the spread of the targets.
The degrees of freedom are learned: below about 5 the tails are heavy, above 30 it is nearly Gaussian.

When: measurements with outliers, which then hardly move the fit.
When not: clean data (`Gaussian` is faster and can be integrated out); skewed targets.

Reference: Juarez and Steel (2010), *Model-based clustering of non-Gaussian panel data*, for the prior
``Gamma(2, 0.1)`` of the degrees of freedom; Lange, Little and Taylor (1989).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, Literal

import numpy as np
from pyro.distributions import Distribution, Gamma, HalfNormal
from pyro.distributions import StudentT as PyroStudentT
from torch import Tensor

from bayes_mtl._settings import check_priors
from bayes_mtl._shapes import Dims
from bayes_mtl.data import Batch, TaskData
from bayes_mtl.likelihoods._abstract import AbstractLikelihood
from bayes_mtl.likelihoods._checks import check_choice, check_numbers
from bayes_mtl.likelihoods._locations import median_and_spread, without_offset
from bayes_mtl.likelihoods._parameter import sample_parameter


@dataclass(frozen=True)
class StudentT(AbstractLikelihood):
    """Student-t likelihood.

    Parameters
    ----------
    scale
        Prior of the noise's scale, in units of the targets' spread.
    df
        Prior of the degrees of freedom, shared by all tasks.
    noise
        ``"shared"``: one scale; ``"task"``: one for each task.
    units
        ``"shared"``: targets of all tasks are standardised together; ``"task"``: each task's by their own
        location and spread, for tasks measured in different units.
    """

    name: ClassVar[str] = "student_t"

    scale: Distribution = HalfNormal(1.0)
    df: Distribution = Gamma(2.0, 0.1)
    noise: Literal["shared", "task"] = "shared"
    units: Literal["shared", "task"] = "shared"

    def __post_init__(self) -> None:
        check_choice("noise", self.noise, "shared", "task")
        check_choice("units", self.units, "shared", "task")
        check_priors(self, "scale", positive=True, scalar=self.noise == "shared")
        check_priors(self, "df", positive=True, scalar=True)

    def check_targets(self, data: TaskData) -> None:
        check_numbers(data, "Use Bernoulli or Categorical.")

    def location(self, data: TaskData) -> tuple[np.ndarray, np.ndarray]:
        return median_and_spread(data, data.y, self.units)

    def working_response(self, data: TaskData) -> np.ndarray:
        shift, spread = self.location(data)
        standardised = (without_offset(data, data.y)[:, None] - shift[data.task]) / spread[data.task]
        # starting values are least squares: outliers must not decide them
        return np.clip(standardised, -4.0, 4.0)

    def parameters(self, dims: Dims) -> dict[str, Tensor]:
        return {
            "df": sample_parameter("noise_df", self.df, "shared", dims),
            "scale": sample_parameter("noise_scale", self.scale, self.noise, dims),
        }

    def distribution(self, f: Tensor, batch: Batch, parameters: Mapping[str, Tensor]) -> PyroStudentT:
        return PyroStudentT(parameters["df"], f[..., 0], parameters["scale"] * batch.spread_of_observations())

    def mean(self, f: Tensor, batch: Batch, parameters: Mapping[str, Tensor]) -> Tensor:
        # the centre: the mean where there is one (df > 1), the median always
        return f[..., 0]
