"""Two classes.

Model
-----
``P(y_i = 1) = 1 / (1 + exp(-f_i))``: the linear predictor is the log odds of the second class.

When: yes or no, success or failure, any two classes.
When not: several trials in one observation (`Binomial`); more classes (`Categorical`, `Ordinal`).

Reference: McCullagh and Nelder (1989), *Generalized Linear Models*, chapter 4.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import torch
from pyro.distributions import Bernoulli as PyroBernoulli
from torch import Tensor

from bayes_mtl._errors import InputError, message
from bayes_mtl._shapes import Dims
from bayes_mtl.data import Batch, TaskData
from bayes_mtl.likelihoods._abstract import AbstractLikelihood
from bayes_mtl.likelihoods._checks import check_support
from bayes_mtl.likelihoods._locations import log_odds, working_log_odds


@dataclass(frozen=True)
class Bernoulli(AbstractLikelihood):
    """Bernoulli likelihood with a logit link; targets are 0 and 1, booleans, or two named classes."""

    name: ClassVar[str] = "bernoulli"
    discrete: ClassVar[bool] = True

    def check_targets(self, data: TaskData) -> None:
        classes = data.schema.classes
        if classes and len(classes) != 2:
            raise InputError(
                message("y", "two classes (Bernoulli)", f"{len(classes)}: {classes[:3]}", "Use Categorical.")
            )
        inside = (data.y == 0) | (data.y == 1)
        check_support(data, inside, "0 or 1 (Bernoulli)", "Use Binomial for counts, Categorical for classes.")

    def location(self, data: TaskData) -> tuple[np.ndarray, np.ndarray]:
        return log_odds(data, data.y, np.ones_like(data.y))

    def working_response(self, data: TaskData) -> np.ndarray:
        return working_log_odds(data, data.y, np.ones_like(data.y), self.location(data))

    def parameters(self, dims: Dims) -> dict[str, Tensor]:
        return {}

    def distribution(self, f: Tensor, batch: Batch, parameters: Mapping[str, Tensor]) -> PyroBernoulli:
        return PyroBernoulli(logits=f[..., 0])

    def probabilities(self, f: Tensor, batch: Batch, parameters: Mapping[str, Tensor]) -> Tensor:
        return torch.stack([(-f[..., 0]).sigmoid(), f[..., 0].sigmoid()], -1)
