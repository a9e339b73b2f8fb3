"""A log-likelihood of single cells, with its slope and curvature."""

from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor

from bayes_mtl._errors import UnsupportedError

LogDensity = Callable[[Tensor], Tensor]
"""From linear predictors ``[..., cells]`` to the log-likelihood of each cell."""


class Curved(NamedTuple):
    """Log-likelihood of each cell, its slope, and minus its curvature, ``[..., cells]``."""

    log: Tensor
    slope: Tensor
    curvature: Tensor


def curved(density: LogDensity, predictor: Tensor, *, differentiable: bool = False) -> Curved:
    """Of each cell by itself, hence by two derivatives of their sum.

    Raises
    ------
    UnsupportedError
        Where the likelihood has no two derivatives.
    """
    try:
        return _curved(density, predictor, differentiable)
    except RuntimeError as error:  # torch's, of an operation without another derivative
        raise UnsupportedError(
            f"NestedLaplace does not fit this likelihood, which torch cannot differentiate twice: {error} "
            "Use SVI or NUTS."
        ) from error


def _curved(density: LogDensity, predictor: Tensor, differentiable: bool) -> Curved:
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
