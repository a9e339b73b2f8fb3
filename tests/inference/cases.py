"""Small data sets, and posteriors in closed form."""

import os

import numpy as np
import pytest
import torch
from pyro.distributions import Normal
from torch import Tensor

from bayes_mtl import MultiTaskModel, TaskData
from bayes_mtl.likelihoods import Gaussian
from bayes_mtl.priors import Pooled

NOISE = 0.5

slow = pytest.mark.skipif(os.environ.get("BAYES_MTL_SLOW") != "1", reason="slow; BAYES_MTL_SLOW=1 runs it")
"""Takes minutes."""


def rows(sizes: tuple[int, ...] = (8, 8, 8, 8, 8), seed: int = 1) -> TaskData:
    """Tasks of two features whose weights differ; every noise is known."""
    random = np.random.default_rng(seed)
    task = np.repeat(np.arange(len(sizes)), sizes)
    x = random.normal(size=(len(task), 2))
    weights = np.array([0.5, 1.0, -1.0]) + random.normal(scale=0.5, size=(len(sizes), 3))
    y = weights[task, 0] + (weights[task, 1:] * x).sum(1) + NOISE * random.normal(size=len(task))
    return TaskData.from_arrays(x, y, task)


def known(data: TaskData) -> TaskData:
    """The same data with a column of the noise."""
    return TaskData.from_arrays(data.x, data.y, data.task, noise=np.full(len(data), NOISE))


def pooled() -> MultiTaskModel:
    """Three weights for all tasks, standard normal; with known noise their posterior is Gaussian."""
    return MultiTaskModel(Pooled(Normal(0.0, 1.0)), Gaussian(noise="known"), standardize=False)


def pooled_posterior(data: TaskData) -> tuple[Tensor, Tensor]:
    """Mean ``[weights]`` and covariance of `pooled`."""
    return ridge_posterior(torch.as_tensor(data.x), torch.as_tensor(data.y), 1.0)


def ridge_posterior(x: Tensor, y: Tensor, scale: float, noise: float = NOISE) -> tuple[Tensor, Tensor]:
    """Mean and covariance of intercept and weights ``~ N(0, scale^2)``."""
    design = torch.cat([torch.ones_like(x[:, :1]), x], 1)
    precision = design.mT @ design / noise**2 + torch.eye(design.shape[1], dtype=x.dtype) / scale**2
    covariance = torch.linalg.inv(precision)
    return covariance @ (design.mT @ y) / noise**2, covariance
