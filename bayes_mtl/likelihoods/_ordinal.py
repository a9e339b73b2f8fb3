"""Ordered classes.

Model
-----
``P(y_i <= k) = 1 / (1 + exp(f_i - c_k))`` with cutpoints ``c_0 < c_1 < ...`` shared by all tasks: a
latent logistic variable around ``f`` is cut into ``K`` classes. Where there is an intercept it carries
the location, so ``c_0 = 0`` and only the increments between cutpoints are sampled; without one (
``intercept=False``) the first cutpoint is sampled too.

When: grades, ratings, stages; a weight is the same log odds ratio at every cut.
When not: an effect differs between cuts (`Categorical`); tasks use the scale differently (give each its
own intercept, and if that is not enough `Mixed` with one `Ordinal` a task).

Reference: McCullagh (1980), *Regression models for ordinal data*, section 2.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np
import pyro
import torch
from pyro.distributions import Categorical, Distribution, Gamma, Normal
from torch import Tensor
from torch.nn.functional import logsigmoid, pad

from bayes_mtl._errors import InputError, message
from bayes_mtl._settings import check_priors
from bayes_mtl._shapes import Dims
from bayes_mtl.data import Batch, TaskData
from bayes_mtl.likelihoods._abstract import AbstractLikelihood
from bayes_mtl.likelihoods._classes import (
    check_classes,
    checked_number_of_classes,
    frequencies,
    number_of_classes,
)
from bayes_mtl.likelihoods._locations import log_odds, without_offset


@dataclass(frozen=True)
class Ordinal(AbstractLikelihood):
    """Cumulative-logit likelihood. Its mean is the expected number of the class, from 0.

    Parameters
    ----------
    increments
        Prior of each distance between neighbouring cutpoints; its support must be positive.
    first
        Prior of the first cutpoint, used only without an intercept.
    classes
        Number of classes; None to read it from the data.
    """

    name: ClassVar[str] = "ordinal"
    events: ClassVar[Mapping[str, int]] = {"increments": 1}
    discrete: ClassVar[bool] = True

    increments: Distribution = Gamma(2.0, 2.0)
    first: Distribution = Normal(0.0, 2.5)
    classes: int | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "classes", checked_number_of_classes(self.classes))
        check_priors(self, "increments", positive=True)
        check_priors(self, "first", scalar=True)

    def bind(self, data: TaskData) -> "Ordinal":
        return replace(self, classes=number_of_classes(self.classes, data))

    def check_targets(self, data: TaskData) -> None:
        if not data.schema.ordered:
            names = ", ".join(repr(name) for name in data.schema.classes[:5])
            raise InputError(
                message(
                    "y",
                    "classes whose order was given (Ordinal)",
                    f"text, which sorts as {names}",
                    "Pass pandas.Categorical(y, categories=[lowest, ..., highest], ordered=True).",
                )
            )
        check_classes(data, number_of_classes(self.classes, data))

    def location(self, data: TaskData) -> tuple[np.ndarray, np.ndarray]:
        return log_odds(data, (data.y > 0).astype(np.float64), np.ones_like(data.y))

    def working_response(self, data: TaskData) -> np.ndarray:
        share = frequencies(data, number_of_classes(self.classes, data))
        middle = share.cumsum() - 0.5 * share
        latent = np.log(middle / (1.0 - middle))[data.y.astype(np.int64)]
        offset = 0.0 if data.offset is None or not data.schema.intercept else data.offset.mean()
        return (without_offset(data, latent) + offset)[:, None]

    def parameters(self, dims: Dims) -> dict[str, Tensor]:
        if self.classes is None:
            raise InputError(
                message("classes", "the number of classes", "none", "Call bind(data), or set it.")
            )
        sampled = {}
        if not dims.intercept:
            sampled["first"] = pyro.sample("first_cutpoint", self.first)
        if self.classes > 2:
            prior = self.increments.expand([self.classes - 2]).to_event(1)
            sampled["increments"] = pyro.sample("cutpoint_increments", prior)
        return sampled

    def distribution(self, f: Tensor, batch: Batch, parameters: Mapping[str, Tensor]) -> Categorical:
        above = f  # distance of the predictor above each cutpoint, [..., observations, cutpoints]
        if "first" in parameters:
            above = above - parameters["first"].unsqueeze(-1)
        steps = parameters.get("increments")
        if steps is not None:
            above = above - pad(steps.cumsum(-1), (1, 0))
        # P(k) = P(y > k - 1) P(y <= k) (1 - exp(-step)): exact in the tails, where differences of
        # probabilities cancel
        logits = pad(logsigmoid(-above), (0, 1)) + pad(logsigmoid(above), (1, 0))
        if steps is not None:
            between = -torch.expm1(-steps)
            logits = logits + pad(between.clamp_min(torch.finfo(f.dtype).tiny).log(), (1, 1))
        return Categorical(logits=logits)

    def mean(self, f: Tensor, batch: Batch, parameters: Mapping[str, Tensor]) -> Tensor:
        probabilities = self.probabilities(f, batch, parameters)
        classes = torch.arange(probabilities.shape[-1], device=f.device, dtype=f.dtype)
        return (probabilities * classes).sum(-1)

    def probabilities(self, f: Tensor, batch: Batch, parameters: Mapping[str, Tensor]) -> Tensor:
        probabilities: Tensor = self.distribution(f, batch, parameters).probs
        return probabilities
