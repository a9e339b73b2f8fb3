"""A log-likelihood of single cells, with its slope and curvature."""

from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor

LogDensity = Callable[[Tensor], Tensor]
"""From linear predictors ``[..., cells]`` to the log-likelihood of each cell."""


class Curved(NamedTuple):
    """Log-likelihood of each cell, its slope, and minus its curvature, ``[..., cells]``."""

    log: Tensor
    slope: Tensor
    curvature: Tensor


def curved(density: LogDensity, predictor: Tensor, *, differentiable: bool = False) -> Curved:
    """Of each cell by itself, hence by two derivatives of their sum."""
    with torch.enable_grad():
        known = differentiable and predictor.requires_grad
        point = predictor if known else predictor.detach().requires_grad_()
        log = density(point)
        (slope,) = torch.autograd.grad(log.sum(), point, create_graph=True)
        if slope.requires_grad:
            (second,) = torch.autograd.grad(slope.sum(), point, create_graph=differentiable)
        else:  # linear in the predictor
            second = torch.zeros_like(slope)
    if differentiable:
        return Curved(log, slope, -second)
    return Curved(log.detach(), slope.detach(), -second.detach())
