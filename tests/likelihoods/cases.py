"""Small data sets, batches, and one example of every likelihood for the tests of properties."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from torch import Tensor

from bayes_mtl._shapes import gather_tasks
from bayes_mtl.data import Batch, Scaling, TaskData, full_batch
from bayes_mtl.likelihoods import (
    AbstractLikelihood,
    Bernoulli,
    Binomial,
    Categorical,
    Gamma,
    Gaussian,
    LogNormal,
    NegativeBinomial,
    Ordinal,
    Poisson,
    StudentT,
)


def make_data(y: Any, task: Any = None, **columns: Any) -> TaskData:
    """Targets with one feature; by default observations go to tasks A, B, C in turn."""
    y = np.asarray(y)
    labels = np.resize(["A", "B", "C"], len(y)) if task is None else task
    return TaskData.from_arrays(np.linspace(-1.0, 1.0, len(y))[:, None], y, labels, **columns)


def make_batch(
    likelihood: AbstractLikelihood,
    data: TaskData,
    dtype: torch.dtype = torch.float64,
    standardize: bool = True,
) -> Batch:
    scaling = Scaling.fit(data, *likelihood.location(data), standardize=standardize)
    return full_batch(data, scaling, dtype=dtype)


def gathered(
    likelihood: AbstractLikelihood, parameters: dict[str, Tensor], batch: Batch
) -> dict[str, Tensor]:
    """Parameters as the model hands them to `distribution`."""
    events = likelihood.events
    return {
        key: gather_tasks(value, batch.task, batch.tasks, events.get(key, 0))
        for key, value in parameters.items()
    }


@dataclass(frozen=True)
class Case:
    """A likelihood, 60 observations of three tasks that it can explain, and parameters of two particles.

    ``parameters`` are as vectorised particles give them: ``[2, 1, *event]`` shared, ``[2, 3, *event]`` per
    task.
    """

    likelihood: AbstractLikelihood
    y: Callable[[np.random.Generator], np.ndarray]
    columns: dict[str, Any] = field(default_factory=dict)
    parameters: dict[str, list[Any]] = field(default_factory=dict)
    outputs: int = 1

    def data(self) -> TaskData:
        return make_data(self.y(np.random.default_rng(0)), **self.columns)

    def values(self, dtype: torch.dtype = torch.float64) -> dict[str, Tensor]:
        return {key: torch.tensor(value, dtype=dtype) for key, value in self.parameters.items()}


N = 60
CENSORED = np.arange(N) % 3 == 0
TRIALS = np.arange(N) % 5 + 6
SHARED, PER_TASK = [[0.7], [1.4]], [[0.5, 1.0, 2.0], [0.8, 1.6, 0.4]]
STEPS = [[[0.5, 1.5]], [[1.0, 0.2]]]
LONG = {"offset": np.linspace(-0.5, 0.5, N)}


def _t(r: np.random.Generator) -> np.ndarray:
    return 5 + 3 * r.standard_t(3, N)


CASES = {
    "gaussian": Case(Gaussian(), lambda r: 100 + 5 * r.normal(size=N), LONG, {"scale": SHARED}),
    "gaussian_task": Case(Gaussian(noise="task"), lambda r: r.normal(size=N), {}, {"scale": PER_TASK}),
    "gaussian_known": Case(
        Gaussian(noise="known"), lambda r: r.normal(size=N), {"noise": np.linspace(0.5, 2, N)}
    ),
    "gaussian_units": Case(
        Gaussian(units="task"),
        lambda r: r.normal(size=N) * np.resize([1e-3, 1.0, 1e3], N) + np.resize([0.0, 1e3, -50.0], N),
        {},
        {"scale": SHARED},
    ),
    "student_t": Case(StudentT(), _t, {}, {"scale": SHARED, "df": [[3.0], [9.0]]}),
    "student_t_task": Case(StudentT(noise="task"), _t, {}, {"scale": PER_TASK, "df": [[3.0], [9.0]]}),
    "log_normal": Case(LogNormal(), lambda r: np.exp(3 + r.normal(size=N)), {}, {"scale": SHARED}),
    "log_normal_censored": Case(
        LogNormal(noise="task"),
        lambda r: np.exp(r.normal(size=N)),
        {"censored": CENSORED},
        {"scale": PER_TASK},
    ),
    "gamma": Case(Gamma(), lambda r: r.gamma(2.0, 50.0, N), LONG, {"concentration": SHARED}),
    "gamma_censored": Case(
        Gamma(dispersion="task"),
        lambda r: r.gamma(2.0, 1.0, N),
        {"censored": CENSORED},
        {"concentration": PER_TASK},
    ),
    "bernoulli": Case(Bernoulli(), lambda r: r.integers(0, 2, N)),
    "bernoulli_classes": Case(Bernoulli(), lambda r: np.array(["no", "yes"])[r.integers(0, 2, N)]),
    "binomial": Case(Binomial(), lambda r: r.binomial(TRIALS, 0.2), {"trials": TRIALS}),
    "categorical": Case(Categorical(), lambda r: r.integers(0, 4, N), {}, {}, 4),
    "categorical_classes": Case(
        Categorical(), lambda r: np.array(["a", "b", "c"])[r.integers(0, 3, N)], {}, {}, 3
    ),
    "poisson": Case(Poisson(), lambda r: r.poisson(20.0, N), LONG),
    "negative_binomial": Case(
        NegativeBinomial(), lambda r: r.negative_binomial(2, 0.1, N), LONG, {"concentration": SHARED}
    ),
    "negative_binomial_task": Case(
        NegativeBinomial(dispersion="task"),
        lambda r: r.negative_binomial(2, 0.5, N),
        {},
        {"concentration": PER_TASK},
    ),
    "ordinal": Case(Ordinal(), lambda r: r.integers(0, 4, N), {}, {"increments": STEPS}),
    "ordinal_no_intercept": Case(
        Ordinal(),
        lambda r: r.integers(0, 4, N),
        {"intercept": False},
        {"increments": STEPS, "first": [[-1.0], [0.3]]},
    ),
}
