"""Batches that hold their own observations' tasks only."""

from typing import Any

import torch
from torch import Tensor

from bayes_mtl.data import Batch, Minibatches


class TaskBatches:
    """The batches of ``batches``, each with the tasks of its observations in place of all tasks.

    A batch of ``size`` observations has ``size`` places for tasks; those that are left over hold other tasks,
    with weight 0. A task with ``n`` observations, of which a batch holds some with factors ``f_i``, has the
    weight ``sum_i f_i / n``, one on average over batches: sums over tasks are as unbiased as those over
    observations.

    Parameters
    ----------
    batches
        Of observations, without a network.
    tasks
        Number of all tasks, at least twice a batch's observations.
    """

    def __init__(self, batches: Minibatches, tasks: int) -> None:
        self.whole, self._task, self._size = batches, batches.task, batches.size
        self._share = 1.0 / torch.bincount(batches.task, minlength=tasks).clamp(min=1)
        self._others = torch.arange(2 * self._size)

    def draw(self) -> dict[str, Tensor]:
        """Choose the next batch, and its tasks (``members``), the places of these, and their weights."""
        units, factor = self.whole.choose()
        drawn = self.whole.read(units, factor)
        # Processes with a share of a batch each have the same tasks, and so the same parameters to move.
        own = self._task[units]
        members, place = own.unique(return_inverse=True)
        free = torch.ones(2 * self._size, dtype=torch.bool)
        free[members[members < 2 * self._size]] = False
        others = self._others[free][: self._size - len(members)]
        share = factor.to(self._share.dtype) * self._share[own]
        weight = torch.zeros(self._size, dtype=share.dtype).index_add(0, place, share)
        place = self.whole.share.of(place)
        chosen = {"members": torch.cat([members, others]), "place": place, "weight": weight}
        return drawn | {name: self.whole.moved(value) for name, value in chosen.items()}

    def assemble(self, members: Tensor, place: Tensor, weight: Tensor, **drawn: Any) -> Batch:
        """The batch of what `draw` chose."""
        return self.whole.assemble(**drawn).of_tasks(members, place, weight)

    def without_tasks(self, drawn: dict[str, Tensor]) -> dict[str, Tensor]:
        """What was drawn, for a batch that has all tasks."""
        return {k: v for k, v in drawn.items() if k not in ("members", "place", "weight")}

    def state(self) -> dict[str, Tensor]:
        """That of the observations' batches."""
        return self.whole.state()

    def load_state(self, state: dict[str, Tensor]) -> None:
        """Go on from a saved state."""
        self.whole.load_state(state)
