"""One uncompiled step of SVI that touches the tasks of its batch only."""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from bayes_mtl.inference._elbo import ElboGradient
from bayes_mtl.inference._learned import Learned
from bayes_mtl.inference._step_state import StepState
from bayes_mtl.inference._task_batches import TaskBatches
from bayes_mtl.inference._task_blocks import AutoTaskBlocks
from bayes_mtl.inference._whole_step import whole_step

VISITS = "visits"
"""Buffer of the guide that counts the steps of each task."""


class TaskStep:
    """What `EagerStep` does, with parameters and Adam's moments of other tasks left as they are.

    Parameters
    ----------
    program, guide, batches, learned, optimiser, particles
        As for `CompiledStep`.
    """

    def __init__(
        self,
        program: Callable[..., Any],
        guide: AutoTaskBlocks,
        batches: TaskBatches,
        learned: Learned,
        optimiser: torch.optim.Adam,
        particles: int,
    ) -> None:
        self._gradient, self._modules = ElboGradient(program, guide, particles), learned.modules
        self._batches, self._optimiser = batches, optimiser
        self._state = state_of(guide, learned, optimiser)

    def __call__(self, drawn: dict[str, Tensor]) -> float:
        """Loss on the batch that was drawn; where it is not finite, the parameters stay as they are."""
        self._state.follow(self._optimiser)
        with torch.enable_grad():
            found = whole_step(
                self._gradient, self._modules, self._batches, self._state, self._state.detached(), drawn
            )
        return float(found)

    def finish(self) -> None:
        """Hand Adam's count of steps back to the optimiser."""
        self._state.hand_back(self._optimiser)


def count_visits(guide: nn.Module) -> None:
    """Let a guide that has its parameters keep how many steps each task has taken part in."""
    if isinstance(guide, AutoTaskBlocks):
        first = guide.task_parameters()[0].detach()
        guide.register_buffer(VISITS, first.new_zeros(len(first)))


def state_of(guide: object, learned: Learned, optimiser: torch.optim.Adam) -> StepState:
    """State of a step; by task where the guide counts visits."""
    visits = vars(guide).get("_buffers", {}).get(VISITS) if isinstance(guide, AutoTaskBlocks) else None
    if visits is None or not isinstance(guide, AutoTaskBlocks):
        return StepState.of(learned, optimiser)
    return StepState.of(learned, optimiser, guide.task_parameters(), visits)
