"""Batches that hold their own observations' tasks only."""

from typing import Any

import torch
from torch import Tensor

from bayes_mtl.data import Batch, Minibatches

_TURN = "tasks_without_observations"


class TaskBatches:
    """The batches of ``batches``, each with the tasks of its observations in place of all tasks.

    A batch of ``size`` observations has ``size`` places for tasks; those that are left over hold other tasks,
    with weight 0. A task with ``n`` observations, of which a batch holds some with factors ``f_i``, has the
    weight ``sum_i f_i / n``, one on average over batches: sums over tasks are as unbiased as those over
    observations. Tasks without observations, which their prior alone moves, come in turn in places of their
    own: ``k`` of ``m`` in each batch, with the weight ``m / k``.

    Parameters
    ----------
    batches
        Of observations, without a network.
    tasks
        Number of all tasks, at least three times a batch's observations.
    """

    def __init__(self, batches: Minibatches, tasks: int) -> None:
        self.whole, self._task, self._size = batches, batches.task, batches.size
        counts = torch.bincount(batches.task, minlength=tasks)
        self._share = 1.0 / counts.clamp(min=1)
        # As many a batch as come round about once an epoch, as a task of one observation does.
        self._without = (counts == 0).nonzero().flatten()
        wanted = -(-len(self._without) * self._size // len(batches.task))
        self._extra, self._turn = min(wanted, self._size), 0
        self._others = torch.arange(2 * self._size + self._extra, device=counts.device)

    def draw(self) -> dict[str, Tensor]:
        """Choose the next batch, and its tasks (``members``), the places of these, and their weights."""
        units, factor = self.whole.choose()
        drawn = self.whole.read(units, factor)
        # Processes with a share of a batch each have the same tasks, and so the same parameters to move.
        own = self._task[units]
        members, place = own.unique(return_inverse=True)
        bare = self._in_turn()
        free = torch.ones(len(self._others), dtype=torch.bool)
        for taken in (members, bare):
            free[taken[taken < len(free)]] = False
        others = self._others[free][: self._size - len(members)]
        share = factor.to(self._share.dtype) * self._share[own]
        weight = torch.zeros(self._size, dtype=share.dtype).index_add(0, place, share)
        weight = torch.cat([weight, weight.new_full((len(bare),), len(self._without) / max(1, len(bare)))])
        place = self.whole.share.of(place)
        chosen = {"members": torch.cat([members, others, bare]), "place": place, "weight": weight}
        return drawn | {name: self.whole.moved(value) for name, value in chosen.items()}

    def _in_turn(self) -> Tensor:
        """``[extra]``: the tasks without observations whose turn it is."""
        turn, number = self._turn, max(1, len(self._without))
        self._turn = (turn + self._extra) % number
        return self._without[(turn + torch.arange(self._extra)) % number]

    def assemble(self, members: Tensor, place: Tensor, weight: Tensor, **drawn: Any) -> Batch:
        """The batch of what `draw` chose."""
        return self.whole.assemble(**drawn).of_tasks(members, place, weight)

    def without_tasks(self, drawn: dict[str, Tensor]) -> dict[str, Tensor]:
        """What was drawn, for a batch that has all tasks."""
        return {k: v for k, v in drawn.items() if k not in ("members", "place", "weight")}

    def state(self) -> dict[str, Tensor]:
        """That of the observations' batches, and whose turn it is."""
        return self.whole.state() | {_TURN: torch.tensor(self._turn)}

    def load_state(self, state: dict[str, Tensor]) -> None:
        """Go on from a saved state."""
        self._turn = int(state.get(_TURN, 0))
        self.whole.load_state({name: value for name, value in state.items() if name != _TURN})
