"""Groups of features: which weights live and die together."""

import torch
from torch import Tensor

from bayes_mtl._shapes import Dims


def group_index(dims: Dims) -> list[int]:
    """Group of each feature but the intercept; each is its own where the data name no groups."""
    features = dims.features - int(dims.intercept)
    return list(dims.groups[int(dims.intercept) :]) if dims.groups else list(range(features))


def group_sizes(dims: Dims) -> list[int]:
    """Number of features of each group, without the intercept."""
    index = group_index(dims)
    return [index.count(group) for group in range(max(index, default=-1) + 1)]


def by_feature(values: Tensor, dims: Dims, intercept: Tensor) -> Tensor:
    """Values of groups, ``[..., groups]``, for each weight, ``[..., features, outputs]``.

    Parameters
    ----------
    intercept
        Value of the intercept, ``[...]``, where there is one.
    """
    slopes = values.index_select(-1, torch.tensor(group_index(dims), device=values.device, dtype=torch.long))
    if dims.intercept:
        first = intercept.to(values.dtype).expand(values.shape[:-1]).unsqueeze(-1)
        slopes = torch.cat([first, slopes], -1)
    return slopes.unsqueeze(-1).expand(*slopes.shape, dims.outputs)


def group_rms(weights: Tensor, dims: Dims) -> Tensor:
    """Root mean square of each group's weights over its features, tasks and outputs.

    Parameters
    ----------
    weights
        ``[draws, tasks, features, outputs]``, standardised.

    Returns
    -------
    Tensor
        ``[draws, 1, groups]``: by how many standard deviations of the target the predictor moves when a
        typical feature of the group moves by one of its own.
    """
    squares = weights[..., int(dims.intercept) :, :].square().mean((-3, -1))
    index = torch.tensor(group_index(dims), device=weights.device, dtype=torch.long)
    sizes = torch.tensor(group_sizes(dims), device=weights.device, dtype=weights.dtype)
    total = squares.new_zeros(squares.shape[0], len(sizes)).index_add(1, index, squares)
    return (total / sizes).sqrt().unsqueeze(1)
