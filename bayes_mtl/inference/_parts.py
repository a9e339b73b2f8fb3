"""What every step of a training works on."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn

from bayes_mtl.inference._arguments import next_arguments
from bayes_mtl.inference._batches import Batches
from bayes_mtl.inference._by_task import by_task
from bayes_mtl.inference._decay import decay_weights
from bayes_mtl.inference._learned import Learned
from bayes_mtl.inference._trained_network import TrainedNetwork
from bayes_mtl.inference._visits import count_visits


@dataclass(frozen=True)
class Parts:
    """Of one training.

    Parameters
    ----------
    program, guide
        Pyro callables of a batch.
    batches
        Where batches come from; of tasks, where a step leaves the other tasks alone.
    learned
        What is moved.
    optimiser
        That moves it.
    particles
        Draws of the guide a step.
    """

    program: Callable[..., Any]
    guide: nn.Module
    batches: Batches
    learned: Learned
    optimiser: torch.optim.Adam
    particles: int

    @classmethod
    def of(
        cls,
        program: Callable[..., Any],
        guide: nn.Module,
        batches: Batches,
        particles: int,
        learning_rate: float,
        network: TrainedNetwork | None = None,
    ) -> "Parts":
        """Make the optimiser, and batches of tasks where the model allows and rewards them."""
        parted = None
        if network is None:
            learned = Learned(program, guide, next_arguments(batches))
            parted = by_task(program, guide, batches)
            if parted is not None:
                count_visits(guide)
            groups = learned.groups()
        else:
            learned = Learned(program, guide, next_arguments(batches), network.memory)
            groups = learned.groups(network.module, network.group)
        optimiser = torch.optim.Adam(groups, lr=learning_rate, fused=True)
        optimiser.register_step_pre_hook(decay_weights)
        return cls(program, guide, parted or batches, learned, optimiser, particles)
