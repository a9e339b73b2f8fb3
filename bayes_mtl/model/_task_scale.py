"""Weights of the tasks' own sites, where a batch holds a part of the tasks."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from pyro.poutine.messenger import Messenger
from torch import Tensor

TASK_PLATES = ("tasks", "observed_tasks")
"""Plates of the prior's and of the likelihood's sites by task."""


@contextmanager
def task_scale(weight: Tensor | None) -> Iterator[None]:
    """Multiply the log-densities of all sites in plates of tasks by ``weight [tasks]``; None for nothing."""
    if weight is None:
        yield
        return
    with _Scaled(weight):
        yield


class _Scaled(Messenger):
    """Scales what is sampled in a plate of tasks."""

    def __init__(self, weight: Tensor) -> None:
        super().__init__()
        self.weight = weight

    def _pyro_sample(self, msg: dict[str, Any]) -> None:
        if any(frame.name in TASK_PLATES for frame in msg["cond_indep_stack"]):
            msg["scale"] = msg["scale"] * self.weight
