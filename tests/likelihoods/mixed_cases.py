"""Seven tasks of six kinds."""

from typing import Any

import numpy as np
import torch
from torch import Tensor

from bayes_mtl.data import Batch, TaskData
from bayes_mtl.likelihoods import (
    Bernoulli,
    Categorical,
    Gaussian,
    LogNormal,
    Mixed,
    Ordinal,
    Poisson,
)
from tests.likelihoods.cases import make_batch, make_data

EACH = 12
TASKS = ("blood", "count", "grade", "height", "length", "time", "yes")
LIKELIHOODS = {
    "yes": Bernoulli(),
    "blood": Categorical(),
    "count": Poisson(),
    "grade": Ordinal(),
    "height": Gaussian(noise="task"),
    "length": Gaussian(noise="task"),
    "time": LogNormal(),
}
KINDS = {
    "bernoulli": ("yes",),
    "categorical": ("blood",),
    "poisson": ("count",),
    "ordinal": ("grade",),
    "gaussian": ("height", "length"),
    "log_normal": ("time",),
}
PARAMETERS = {
    "gaussian.scale": [0.5, 2.0],
    "ordinal.increments": [0.7, 1.3],
    "log_normal.scale": 0.8,
}


def targets() -> tuple[np.ndarray, np.ndarray]:
    r = np.random.default_rng(0)
    parts = {
        "blood": r.integers(0, 3, EACH),
        "count": r.poisson(5.0, EACH),
        "grade": r.integers(0, 4, EACH),
        "height": 1e3 + 50 * r.normal(size=EACH),
        "length": -2e3 + 50 * r.normal(size=EACH),
        "time": r.gamma(1.0, 10.0, EACH) + 0.1,
        "yes": r.integers(0, 2, EACH),
    }
    y = np.concatenate([parts[name] for name in TASKS]).astype(float)
    order = r.permutation(len(y))
    return y[order], np.repeat(TASKS, EACH)[order]


def mixed_data(**columns: Any) -> TaskData:
    y, task = targets()
    return make_data(y, task, **columns)


def parameters_of(likelihood: Mixed, dtype: torch.dtype = torch.float64) -> dict[str, Tensor]:
    """`PARAMETERS` as `Mixed.parameters` returns them: those of a task at its place among all tasks."""
    values = {key: torch.tensor(value, dtype=dtype) for key, value in PARAMETERS.items()}
    kind = next(k for k in likelihood.kinds if k.name == "gaussian")
    scattered = torch.full((len(TASKS),), 0.5, dtype=dtype)
    for value, task in zip(values["gaussian.scale"], kind.tasks, strict=True):
        scattered[task] = value
    return values | {"gaussian.scale": scattered}


def setup(dtype: torch.dtype = torch.float64) -> tuple[Mixed, TaskData, Batch, Tensor]:
    data = mixed_data()
    likelihood = Mixed(LIKELIHOODS).bind(data)
    batch = make_batch(likelihood, data, dtype)
    noise = torch.randn(len(data), 3, dtype=dtype, generator=torch.Generator().manual_seed(2))
    return likelihood, data, batch, batch.shift[batch.task] + batch.spread[batch.task] * noise
