"""What one evaluation of the model sees: tensors only, on one device, in one dtype."""

from dataclasses import dataclass, fields, replace
from typing import Any

import torch
from torch import Tensor

OBSERVED = ("task", "y", "step", "noise", "offset", "trials", "censored", "scale")
"""Fields of a batch with one entry an observation, ``row`` apart."""


@dataclass(frozen=True, eq=False)
class Batch:
    """Observations and the rows they refer to, standardised and ready for the model.

    Attributes
    ----------
    x
        ``[rows, features]`` or ``[rows, steps, features]``: standardised features whose weights vary by
        task, without the intercept.
    fixed
        ``[rows, fixed features]`` (or with steps): features with one weight for all tasks, or None.
    row
        ``[observations]``: row of each observation; None where observation ``i`` is row ``i``.
    step
        ``[observations]``: step of each observation, or None.
    task
        ``[observations]``: index of the task.
    y
        ``[observations]`` in the user's units, or None where it is to be predicted.
    noise, offset, trials, censored
        ``[observations]`` each, or None. ``censored`` is boolean.
    scale
        ``[observations]``: weight of each log-likelihood term (the observation's own weight divided by
        its probability of being in the batch).
    shift, spread
        ``[tasks, outputs]``: the linear predictor is ``shift + spread * standardised + offset``.
    task_features
        ``[tasks, task features]``, standardised, or None.
    intercept
        Whether a constant feature is put in front.
    """

    x: Tensor
    task: Tensor
    scale: Tensor
    shift: Tensor
    spread: Tensor
    y: Tensor | None = None
    fixed: Tensor | None = None
    row: Tensor | None = None
    step: Tensor | None = None
    noise: Tensor | None = None
    offset: Tensor | None = None
    trials: Tensor | None = None
    censored: Tensor | None = None
    task_features: Tensor | None = None
    intercept: bool = True

    @property
    def observations(self) -> int:
        """Number of observations."""
        return self.task.shape[0]

    @property
    def tasks(self) -> int:
        """Number of tasks of the model, whether or not they have an observation here."""
        return self.shift.shape[0]

    def spread_of_observations(self) -> Tensor:
        """``[observations]``: spread of the first output, for scale parameters of a likelihood."""
        return self.spread[:, 0].index_select(0, self.task)

    def columns(self, index: Tensor) -> dict[str, Tensor]:
        """Observation columns that are present, of the observations ``index``."""
        present = {name: getattr(self, name) for name in OBSERVED}
        return {name: value.index_select(0, index) for name, value in present.items() if value is not None}

    def select(self, index: Tensor, scale: Tensor | None = None) -> "Batch":
        """Observations ``index``, optionally with new weights; rows come along one to one."""
        rows = index if self.row is None else self.row.index_select(0, index)
        taken: dict[str, Any] = self.columns(index)
        if scale is not None:
            taken["scale"] = taken["scale"] * scale
        fixed = None if self.fixed is None else self.fixed.index_select(0, rows)
        return replace(self, x=self.x.index_select(0, rows), fixed=fixed, row=None, **taken)

    def to(self, device: torch.device | str, dtype: torch.dtype) -> "Batch":
        """Move the batch elsewhere; only floating-point tensors change their dtype."""
        moved: dict[str, Any] = {}
        for f in fields(self):
            value = getattr(self, f.name)
            if isinstance(value, Tensor):
                moved[f.name] = value.to(device, dtype if value.is_floating_point() else None)
        return replace(self, **moved)
