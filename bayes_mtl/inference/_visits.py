"""How often each task has taken part in a step, where its parameters move in no other."""

import torch
from torch import nn

from bayes_mtl.inference._learned import Learned
from bayes_mtl.inference._step_state import StepState
from bayes_mtl.inference._task_blocks import AutoTaskBlocks

VISITS = "visits"
"""Buffer of the guide that counts the steps of each task."""


def count_visits(guide: nn.Module) -> None:
    """Let a guide that has its parameters keep how many steps each task has taken part in."""
    own = guide.task_parameters() if isinstance(guide, AutoTaskBlocks) else []
    if own:
        first = own[0].detach()
        guide.register_buffer(VISITS, first.new_zeros(len(first)))


def state_of(guide: object, learned: Learned, optimiser: torch.optim.Adam) -> StepState:
    """State of a step; by task where the guide counts visits."""
    visits = vars(guide).get("_buffers", {}).get(VISITS) if isinstance(guide, AutoTaskBlocks) else None
    if visits is None or not isinstance(guide, AutoTaskBlocks):
        return StepState.of(learned, optimiser)
    return StepState.of(learned, optimiser, guide.task_parameters(), visits)
