"""Calling a network with what it needs of a batch."""

from typing import Any

from torch import nn

from bayes_mtl.data import Batch


def called(network: nn.Module, batch: Batch) -> Any:
    """Features of the batch's observations, ``[..., observations, out_features]``."""
    # Only networks of sequences need to know of steps, and only those gated on features of tasks of these.
    step = batch.steps_of_observations()
    more = {} if step is None else {"step": step, "length": batch.length}
    if getattr(network, "task_features", 0):
        more["task_features"] = batch.task_features
    return network(batch.x, batch.row, batch.task, **more)
