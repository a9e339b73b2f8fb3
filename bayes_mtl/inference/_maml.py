"""MAML-MTL: the network's parameters are judged after a step on each task."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import torch
from torch import Tensor, nn

from bayes_mtl._errors import InputError, message
from bayes_mtl.inference._abstract_module_gradient import AbstractModuleGradient
from bayes_mtl.inference._evaluation import Evaluation
from bayes_mtl.inference._memory import Memory
from bayes_mtl.inference._static_weights import StaticWeights
from bayes_mtl.inference._tasks import Tasks


@dataclass(frozen=True)
class MAML(AbstractModuleGradient):
    """MAML-MTL (Aoki, Tung and Oliveira 2021, algorithm 1) for the network's parameters.

    The rows of a batch are split at random. For each task one step of gradient descent on its mean loss over
    the inner rows leads from the parameters ``theta`` to its own ``theta_t``; the gradient is that of the sum
    over tasks of the loss at ``theta_t`` on the outer rows. All other unknowns keep their draws meanwhile.

    Parameters
    ----------
    fraction
        Of the rows that are inner ones.
    inner_rate
        Of the step on a task. Default: the network's learning rate at the start.
    weights
        Of the tasks' outer losses, by name; 1 for those left out.
    second_order
        Whether the gradient goes through the inner step; by default ``theta_t`` counts as given.

    Notes
    -----
    A step costs an evaluation of the model for each task.
    """

    fraction: float = 0.8
    inner_rate: float | None = None
    weights: Mapping[str, float] = field(default_factory=dict)
    second_order: bool = False

    def __post_init__(self) -> None:
        if not 0 < self.fraction < 1:
            raise InputError(message("fraction", "between 0 and 1", self.fraction, "Try 0.8."))
        if self.inner_rate is not None and not 0 <= self.inner_rate < np.inf:
            raise InputError(message("inner_rate", "at least 0", self.inner_rate, "Leave it out."))

    def memory(self, tasks: Tasks) -> nn.Module:
        rate = tasks.learning_rate if self.inner_rate is None else self.inner_rate
        weights = StaticWeights(self.weights).start(tasks)["weights"]
        return Memory(rate=torch.tensor(rate, device=tasks.counts.device), weights=weights)

    def gradients(self, evaluation: Evaluation, memory: nn.Module | None) -> Sequence[Tensor]:
        memory = memory if isinstance(memory, Memory) else Memory()
        rate, weights = memory["rate"], memory["weights"]
        batch, theta = evaluation.batch, evaluation.parameters
        rows = batch.x.shape[0]
        place = torch.rand(rows, device=batch.x.device).argsort().argsort()
        inner = place < round(self.fraction * rows)
        if batch.row is not None:
            inner = inner.index_select(0, batch.row)
        total = [torch.zeros_like(value) for value in theta]
        nll = evaluation.at(theta)
        for task in range(evaluation.tasks):
            scale = batch.scale * (batch.task == task)
            within, without = scale * inner, scale * ~inner
            loss = (nll * within).sum() / within.sum().clamp(min=torch.finfo(nll.dtype).tiny)
            step = self._gradient(loss, theta, create_graph=self.second_order)
            adapted = [value - rate.to(value.dtype) * move for value, move in zip(theta, step, strict=True)]
            if not self.second_order:
                adapted = [value.detach().requires_grad_() for value in adapted]
            outer = weights[task] * (evaluation.at(adapted) * without).sum() / (1.0 - self.fraction)
            found = self._gradient(outer, theta if self.second_order else adapted)
            total = [value + more.detach() for value, more in zip(total, found, strict=True)]
        return total

    @staticmethod
    def _gradient(loss: Tensor, by: Sequence[Tensor], *, create_graph: bool = False) -> list[Tensor]:
        """Gradient with zeros where nothing depends on a parameter."""
        found = torch.autograd.grad(
            loss, tuple(by), create_graph=create_graph, retain_graph=True, allow_unused=True
        )
        return [torch.zeros_like(value) if g is None else g for value, g in zip(by, found, strict=True)]
