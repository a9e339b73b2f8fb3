"""Features times the weights of each observation's task."""

import math

import torch
from torch import Tensor

from bayes_mtl._shapes import gather_tasks
from bayes_mtl.data import Batch

_FEW_TASKS, _MANY_WEIGHTS = {"cpu": 16, "cuda": 64}, 64
"""Up to so many tasks, of at least so many weights, the products with all tasks' weights are cheaper."""
_WORTH_A_PRODUCT = 8
"""Observations in a row of one task from which a matrix product of their own is cheaper than copies."""


def weighted(features: Tensor, weights: Tensor, batch: Batch) -> Tensor:
    """``[..., observations, outputs]``: features ``[..., observations, features]`` times own weights.

    Gathering copies every weight for every observation. With few tasks and many weights it is faster to
    multiply with the weights of all tasks, a matrix product each, and to keep each observation's own.
    """
    tasks, size = batch.tasks, math.prod(weights.shape[-2:])  # a tracer's shapes are plain tuples
    few = 1 < tasks <= _FEW_TASKS.get(weights.device.type, 16)
    if weights.shape[-3] == tasks and few and size >= _MANY_WEIGHTS:
        every = (features.unsqueeze(-3) @ weights).flatten(-3, -2)
        own = batch.task * batch.observations + torch.arange(batch.observations, device=batch.task.device)
        return every.index_select(-2, own)
    return (features.unsqueeze(-1) * gather_tasks(weights, batch.task, tasks, 2)).sum(-2)


def weighted_in_turn(features: Tensor, weights: Tensor, batch: Batch) -> Tensor:
    """The same, task by task where observations of one task stand together; not to be captured as a graph."""
    task, lengths = batch.task.unique_consecutive(return_counts=True)
    together = len(task) * _WORTH_A_PRODUCT <= batch.observations
    if features.dim() != 2 or weights.dim() != 4 or weights.shape[-3] != batch.tasks or not together:
        return weighted(features, weights, batch)
    found = weights.new_empty(weights.shape[0], batch.observations, weights.shape[-1])
    start = 0
    for t, length in zip(task.tolist(), lengths.tolist(), strict=True):
        part = slice(start, start + length)
        found[:, part] = torch.einsum("sdc,nd->snc", weights[:, t], features[part])
        start += length
    return found
