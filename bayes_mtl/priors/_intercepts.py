"""How far the intercepts of tasks spread, where no group of features holds them."""

import pyro
import torch
from pyro.distributions import Distribution
from torch import Tensor

from bayes_mtl._shapes import Dims

SITE = "intercept_scale"


def spread_of(intercept: float | Distribution, dims: Dims, like: Tensor) -> Tensor:
    """The spread, drawn where it is learned and there is an intercept."""
    if not isinstance(intercept, Distribution):
        return like.new_tensor(intercept)
    return pyro.sample(SITE, intercept) if dims.intercept else torch.ones_like(like[..., 0])


def start_of(intercept: float | Distribution, weights: Tensor, dims: Dims) -> float:
    """Where a spread that is learned starts, from weights ``[tasks, features, outputs]``."""
    if not isinstance(intercept, Distribution):
        return intercept
    return max(float(weights[:, 0].square().mean().sqrt()), 0.05) if dims.intercept else 1.0
