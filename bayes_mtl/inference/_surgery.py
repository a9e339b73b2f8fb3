"""Gradient surgery: conflicts between the tasks' gradients are resolved by TorchJD."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor, nn

from bayes_mtl._errors import InputTypeError, UnsupportedError, message
from bayes_mtl.inference._abstract_module_gradient import AbstractModuleGradient
from bayes_mtl.inference._evaluation import Evaluation


@dataclass(frozen=True)
class GradientSurgery(AbstractModuleGradient):
    """The tasks' gradients of the network, combined by an aggregator (Quinton and Rey 2024, TorchJD).

    Each task's share of the loss has a gradient by the network's parameters, one row of a matrix; the
    aggregator makes one gradient of the rows. Tasks without an observation in the batch have no row. Steps
    are not compiled. What an aggregator itself keeps from step to step is not in a checkpoint.

    Parameters
    ----------
    aggregator
        Any of ``torchjd.aggregation``, e.g. ``PCGrad()``, or a function from ``[tasks, parameters]`` to
        ``[parameters]``. Default: ``UPGrad()``.

    Raises
    ------
    UnsupportedError
        Without an aggregator where TorchJD, which is optional, is not installed.
    """

    captured: ClassVar[bool] = False

    aggregator: Callable[[Tensor], Tensor] | None = None

    def __post_init__(self) -> None:
        if self.aggregator is None:
            object.__setattr__(self, "aggregator", _upgrad())
        elif isinstance(self.aggregator, type) or not callable(self.aggregator):
            found = repr(self.aggregator)
            raise InputTypeError(message("aggregator", "an instance, as UPGrad()", found, "Make one."))

    def gradients(self, evaluation: Evaluation, memory: nn.Module | None) -> Sequence[Tensor]:
        task, rows = evaluation.batch.task, []
        for position in evaluation.present.nonzero().flatten():
            own = evaluation.pull((task == position).to(evaluation.gradient.dtype))
            rows.append(torch.cat([value.flatten() for value in own]))
        aggregate = self.aggregator or torch.Tensor.sum
        joined = aggregate(torch.stack(rows)).detach()
        sizes = [value.numel() for value in evaluation.parameters]
        parts = joined.split(sizes)
        return [part.view_as(value) for part, value in zip(parts, evaluation.parameters, strict=True)]


def _upgrad() -> Callable[[Tensor], Tensor]:
    try:
        from torchjd.aggregation import UPGrad

        found: Callable[[Tensor], Tensor] = UPGrad()
    except ImportError as error:
        raise UnsupportedError(
            f"Gradient surgery needs TorchJD, which is not installed ({error}). "
            "Install it: pip install 'bayes_mtl[surgery]'."
        ) from error
    return found
