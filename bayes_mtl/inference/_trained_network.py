"""A program's network together with how it is trained."""

from collections.abc import Callable
from typing import Any

import torch
from torch import nn

from bayes_mtl._errors import UnsupportedError
from bayes_mtl.data import TaskData
from bayes_mtl.inference._decay import DECAY
from bayes_mtl.inference._gradient import Gradient
from bayes_mtl.inference._module_gradient import ModuleGradient
from bayes_mtl.inference._network_training import NetworkTraining
from bayes_mtl.inference._tasks import Tasks
from bayes_mtl.model import Program


class TrainedNetwork:
    """Settings of `NetworkTraining` at work.

    Parameters
    ----------
    program, data, epoch
        Of the fit, see `Tasks`.
    settings
        What is different for the network.
    learning_rate
        Of everything else.

    Attributes
    ----------
    module
        The program's network.
    memory
        What its rule keeps from step to step, or None.

    Raises
    ------
    UnsupportedError
        Where no parameter of a network is there to be trained.
    """

    def __init__(
        self,
        program: Program,
        settings: NetworkTraining,
        data: TaskData,
        epoch: int,
        learning_rate: float,
    ) -> None:
        module: nn.Module | None = program.network
        if module is None or not any(value.requires_grad for value in module.parameters()):
            raise UnsupportedError(
                "NetworkTraining is for models with a network whose parameters are trained; this one has "
                f"{'no network' if module is None else 'a frozen one'}. Leave network= out."
            )
        self.module, self._settings, self._program = module, settings, program
        program.precision = torch.bfloat16 if settings.precision == "bfloat16" else None
        own = settings.learning_rate
        self._rate = learning_rate if own is None else own
        self._tasks = Tasks.of(program, data, epoch, self._rate)
        self.memory = None if settings.rule is None else settings.rule.memory(self._tasks)

    @property
    def captured(self) -> bool:
        """Whether steps can be compiled."""
        return self._settings.rule is None or self._settings.rule.captured

    @property
    def group(self) -> dict[str, float]:
        """Settings of the optimiser for the network's parameters."""
        return {"lr": self._rate, DECAY: self._settings.weight_decay}

    def gradient(self, guide: Callable[..., Any], particles: int) -> Gradient | None:
        """Loss and gradients with the rule; None without one."""
        rule = self._settings.rule
        if rule is None:
            return None
        return ModuleGradient(self._program, guide, particles, self.module, rule, self.memory, self._tasks)
