"""Several classes without an order.

Model
-----
``P(y_i = c) = exp(f_ic) / sum_k exp(f_ik)``: one linear predictor a class, treated alike. Adding a
constant to all of them changes nothing, so only differences between classes are identified by the
data; the prior settles the rest.

When: species, diagnoses, digits.
When not: two classes (`Bernoulli` has half the weights); ordered classes (`Ordinal`).

Reference: Gelman et al. (2013), *Bayesian Data Analysis*, section 16.7.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np
from pyro.distributions import Categorical as PyroCategorical
from torch import Tensor

from bayes_mtl._shapes import Dims
from bayes_mtl.data import Batch, TaskData
from bayes_mtl.likelihoods._abstract import AbstractLikelihood
from bayes_mtl.likelihoods._classes import (
    check_classes,
    checked_number_of_classes,
    frequencies,
    number_of_classes,
)


@dataclass(frozen=True)
class Categorical(AbstractLikelihood):
    """Categorical likelihood with a softmax link.

    Its mean is NaN: classes without an order have none. Ask for `probabilities`.

    Parameters
    ----------
    classes
        Number of classes; None to read it from the data.
    """

    name: ClassVar[str] = "categorical"
    columns: ClassVar[frozenset[str]] = frozenset({"weight"})
    discrete: ClassVar[bool] = True

    classes: int | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "classes", checked_number_of_classes(self.classes))

    def bind(self, data: TaskData) -> "Categorical":
        return replace(self, classes=self.outputs(data))

    def outputs(self, data: TaskData) -> int:
        return number_of_classes(self.classes, data)

    def seen(self, data: TaskData) -> np.ndarray:
        """The classes that a task has an observation of."""
        found = np.zeros((len(data.schema.tasks), self.outputs(data)), dtype=bool)
        found[data.task, data.y.astype(np.int64)] = True
        return found

    def check_targets(self, data: TaskData) -> None:
        check_classes(data, self.outputs(data))

    def location(self, data: TaskData) -> tuple[np.ndarray, np.ndarray]:
        shape = (len(data.schema.tasks), self.outputs(data))
        if not data.schema.intercept:
            return np.zeros(shape), np.ones(shape)
        shift = np.log(frequencies(data, shape[1]))
        return np.broadcast_to(shift - shift.mean(), shape).copy(), np.ones(shape)

    def working_response(self, data: TaskData) -> np.ndarray:
        shift, _ = self.location(data)
        classes = shift.shape[1]
        # half an observation's worth of the pooled shares added to the one seen
        seen = np.eye(classes)[data.y.astype(np.int64)] + 0.5 * frequencies(data, classes)
        response = np.log(seen)
        return response - response.mean(1, keepdims=True) - shift[data.task]

    def parameters(self, dims: Dims) -> dict[str, Tensor]:
        return {}

    def distribution(self, f: Tensor, batch: Batch, parameters: Mapping[str, Tensor]) -> PyroCategorical:
        return PyroCategorical(logits=f)

    def probabilities(self, f: Tensor, batch: Batch, parameters: Mapping[str, Tensor]) -> Tensor:
        return f.softmax(-1)
