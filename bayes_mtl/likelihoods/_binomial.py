"""Successes out of a known number of trials.

Model
-----
``y_i ~ Binomial(n_i, p_i)``, ``logit p_i = f_i``; ``n_i`` is the data's column ``trials``.

When: proportions whose denominators are known (deaths among patients, correct answers among items).
When not: proportions without a denominator; more spread than a binomial has (add a feature, or model
the counts with `NegativeBinomial` and the logarithm of the trials as offset).

Reference: McCullagh and Nelder (1989), *Generalized Linear Models*, chapter 4.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from pyro.distributions import Binomial as PyroBinomial
from torch import Tensor

from bayes_mtl._errors import InputError, message
from bayes_mtl._shapes import Dims
from bayes_mtl.data import Batch, TaskData
from bayes_mtl.likelihoods._abstract import AbstractLikelihood
from bayes_mtl.likelihoods._checks import check_numbers, check_support, whole
from bayes_mtl.likelihoods._locations import log_odds, working_log_odds


@dataclass(frozen=True)
class Binomial(AbstractLikelihood):
    """Binomial likelihood with a logit link; the data must have the column ``trials``."""

    name: ClassVar[str] = "binomial"
    columns: ClassVar[frozenset[str]] = frozenset({"offset", "weight", "trials"})
    discrete: ClassVar[bool] = True

    def check_targets(self, data: TaskData) -> None:
        check_numbers(data, "Use Bernoulli or Categorical.")
        trials = _trials(data)
        check_support(
            data, whole(trials) & (trials > 0), "whole numbers from 1", "Drop or pass them.", "trials"
        )
        inside = whole(data.y) & (data.y <= trials)
        check_support(data, inside, "whole numbers from 0 to trials (Binomial)", "Pass successes, not rates.")

    def location(self, data: TaskData) -> tuple[np.ndarray, np.ndarray]:
        return log_odds(data, data.y, _trials(data))

    def working_response(self, data: TaskData) -> np.ndarray:
        return working_log_odds(data, data.y, _trials(data), self.location(data))

    def parameters(self, dims: Dims) -> dict[str, Tensor]:
        return {}

    def distribution(self, f: Tensor, batch: Batch, parameters: Mapping[str, Tensor]) -> PyroBinomial:
        if batch.trials is None:
            raise InputError(_missing())
        return PyroBinomial(total_count=batch.trials, logits=f[..., 0])


def _trials(data: TaskData) -> np.ndarray:
    if data.trials is None:
        raise InputError(_missing())
    return data.trials


def _missing() -> str:
    remedy = "Pass trials=, or use Bernoulli for single trials."
    return message("trials", "the number of trials of each observation (Binomial)", "none", remedy)
