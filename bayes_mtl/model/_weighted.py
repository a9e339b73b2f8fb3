"""Features times the weights of each observation's task."""

import torch
from torch import Tensor

from bayes_mtl._shapes import gather_tasks
from bayes_mtl.data import Batch

_FEW_TASKS, _MANY_WEIGHTS = 16, 64
"""Up to so many tasks, of at least so many weights, the products with all tasks' weights are cheaper."""


def weighted(features: Tensor, weights: Tensor, batch: Batch) -> Tensor:
    """``[..., observations, outputs]``: features ``[..., observations, features]`` times own weights.

    Gathering copies every weight for every observation. With few tasks and many weights it is faster to
    multiply with the weights of all tasks, a matrix product each, and to keep each observation's own.
    """
    tasks, size = batch.tasks, weights.shape[-2:].numel()
    if weights.shape[-3] == tasks and 1 < tasks <= _FEW_TASKS and size >= _MANY_WEIGHTS:
        every = (features.unsqueeze(-3) @ weights).flatten(-3, -2)
        own = batch.task * batch.observations + torch.arange(batch.observations, device=batch.task.device)
        return every.index_select(-2, own)
    return (features.unsqueeze(-1) * gather_tasks(weights, batch.task, tasks, 2)).sum(-2)
