"""Where sparse groups start: the precisions of estimated weights, and their leading directions."""

import torch
from pyro.distributions import Distribution
from torch import Tensor

from bayes_mtl._shapes import Dims
from bayes_mtl.priors._feature_groups import by_feature, group_rms
from bayes_mtl.priors._intercepts import SITE, start_of

_FLOOR = 0.05
"""Smallest scale at which a group starts: a dead start stays dead."""
_SHARE = 0.7
"""Part of the leading directions that starts as shared between tasks."""


def group_sparse_start(
    weights: Tensor, dims: Dims, rank: int, intercept: float | Distribution
) -> dict[str, Tensor]:
    """Starting values of the sites of `GroupSparse` from ``weights [tasks, features, outputs]``."""
    scale = group_rms(weights.unsqueeze(0), dims).reshape(-1).clamp_min(_FLOOR)
    values = {"precision": scale.reciprocal().square()}
    level = start_of(intercept, weights, dims)
    if isinstance(intercept, Distribution) and dims.intercept:
        values[SITE] = scale.new_tensor(level)
    white = weights / by_feature(scale, dims, scale.new_tensor(level))
    if rank == 0:
        return {**values, "weights_noise": white}
    slopes = white[:, int(dims.intercept) :, :]
    left, size, right = torch.linalg.svd(slopes.flatten(1), full_matrices=False)
    kept, tasks = min(rank, len(size)), len(weights)
    activity = 0.1 * torch.ones(tasks, rank)
    activity[:, :kept] = left[:, :kept] * tasks**0.5
    shared = 0.1 * torch.ones(slopes[0].numel(), rank)
    shared[:, :kept] = _SHARE * (right[:kept].mT * size[:kept]) / tasks**0.5
    own = white.clone()
    own[:, int(dims.intercept) :, :] -= (activity @ shared.mT).reshape(slopes.shape)
    return {
        **values,
        "own_scale": torch.ones(()),
        "strength": torch.ones(rank),
        "shared": shared.reshape(*slopes.shape[1:], rank),
        "weights_activity": activity,
        "weights_noise": own,
    }
