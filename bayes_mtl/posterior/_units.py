"""Weights in the user's units."""

from collections.abc import Mapping

import torch
from torch import Tensor

from bayes_mtl.model import Program


def weights_in_units(program: Program, draws: Mapping[str, Tensor], tasks: slice = slice(None)) -> Tensor:
    """Weights on the features as they came, ``[draws, tasks, features, outputs]`` float64.

    With a network they act on its features, and only the targets' scaling is undone: that of ``tasks``, by
    default of all.
    """
    # float64: an intercept far from the features' range is the difference of large numbers
    weights = draws["weights"].double()
    spread = _constant(program.scaling.spread, weights)[tasks, None, :]
    shift = _constant(program.scaling.shift, weights)[tasks]
    schema = program.schema
    result = weights * spread
    at = 1 if schema.intercept else 0
    varying = len(schema.features)
    sd, mean = _constant(program.scaling.x_sd, weights), _constant(program.scaling.x_mean, weights)
    if program.network is None:
        result[..., at:, :] = result[..., at:, :] / sd[:varying, None]
        if schema.intercept:
            result[..., 0, :] -= (result[..., 1:, :] * mean[:varying, None]).sum(-2)
    if schema.intercept:
        result[..., 0, :] += shift
        if schema.fixed:
            effect = (draws["fixed"].double() * (mean / sd)[varying:, None]).sum(-2)
            result[..., 0, :] -= effect * spread[:, 0, :]
    return result


def fixed_in_units(program: Program, draws: Mapping[str, Tensor]) -> Tensor:
    """Weights that all tasks share, ``[draws, tasks or 1, fixed features, outputs]`` float64.

    They differ between tasks only where the targets' units do (`Mixed` likelihoods).
    """
    fixed = draws["fixed"].double()
    sd = _constant(program.scaling.x_sd, fixed)[len(program.schema.features) :]
    spread = _constant(program.scaling.spread, fixed)
    if bool((spread == spread[:1]).all()):
        spread = spread[:1]
    return fixed * spread[:, None, :] / sd[:, None]


def _constant(values: object, like: Tensor) -> Tensor:
    return torch.as_tensor(values, dtype=like.dtype)
