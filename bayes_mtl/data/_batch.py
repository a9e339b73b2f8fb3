"""What one evaluation of the model sees: tensors only, on one device, in one dtype."""

from dataclasses import dataclass, fields, replace
from typing import Any

import torch
from torch import Tensor

OBSERVED = ("task", "y", "step", "noise", "offset", "trials", "censored", "scale", "design")
"""Fields of a batch with one entry an observation, ``row`` apart."""
ROWS = ("x", "fixed", "length")
"""Fields of a batch with one entry a row."""


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
    length
        ``[rows]``: number of steps of each row that are no padding; None where all are valid.
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
    design
        ``[observations, weights]``: what the weights multiply, where it was made before; None elsewhere.
    members
        ``[tasks]``: which of all tasks these are, where the batch holds a part of them only; ``task`` then
        counts among these, and all fields by task are theirs.
    task_weight
        ``[tasks]``: weight of each one's log-densities, so that their sum over a batch's tasks is unbiased.
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
    length: Tensor | None = None
    noise: Tensor | None = None
    offset: Tensor | None = None
    trials: Tensor | None = None
    censored: Tensor | None = None
    task_features: Tensor | None = None
    intercept: bool = True
    design: Tensor | None = None
    members: Tensor | None = None
    task_weight: Tensor | None = None

    @property
    def observations(self) -> int:
        """Number of observations."""
        return self.task.shape[0]

    @property
    def tasks(self) -> int:
        """Number of tasks of the model, whether or not they have an observation here."""
        return self.shift.shape[0]

    def steps_of_observations(self) -> Tensor | None:
        """``[observations]``: step of each observation; its row's last valid one where none is named.

        None for rows without steps.
        """
        if self.step is not None or self.x.dim() < 3:
            return self.step
        if self.length is None:
            return torch.full_like(self.task, self.x.shape[1] - 1)
        length = self.length if self.row is None else self.length.index_select(0, self.row)
        return length - 1

    def spread_of_observations(self) -> Tensor:
        """``[observations]``: spread of the first output, for scale parameters of a likelihood."""
        return self.spread[:, 0].index_select(0, self.task)

    def columns(self, index: Tensor) -> dict[str, Tensor]:
        """Observation columns that are present, of the observations ``index [some]``."""
        present = {name: getattr(self, name) for name in OBSERVED}
        return {name: value.index_select(0, index) for name, value in present.items() if value is not None}

    def select(self, index: Tensor, scale: Tensor | None = None) -> "Batch":
        """Observations ``index [some]``, optionally with weights ``scale [some]``; rows come along."""
        return self._take(index, index if self.row is None else self.row.index_select(0, index), None, scale)

    def part(self, index: Tensor) -> "Batch":
        """Observations ``index [some]`` and each of their rows once, which a network then reads once."""
        if self.row is None:
            return self.select(index)
        rows, row = self.row.index_select(0, index).unique(return_inverse=True)
        return self._take(index, rows, row, None)

    def of_tasks(self, members: Tensor, task: Tensor, weight: Tensor) -> "Batch":
        """The same observations with a part of the tasks only, among which ``task [observations]`` counts.

        ``members`` and ``weight``, ``[part]`` each, say which tasks these are and how much each counts.
        """
        features = None if self.task_features is None else self.task_features.index_select(0, members)
        return replace(
            self,
            task=task,
            shift=self.shift.index_select(0, members),
            spread=self.spread.index_select(0, members),
            task_features=features,
            members=members,
            task_weight=weight,
        )

    def _take(self, index: Tensor, rows: Tensor, row: Tensor | None, scale: Tensor | None) -> "Batch":
        taken: dict[str, Any] = self.columns(index)
        if scale is not None:
            taken["scale"] = taken["scale"] * scale
        own = {name: getattr(self, name) for name in ROWS}
        taken |= {name: None if value is None else value.index_select(0, rows) for name, value in own.items()}
        return replace(self, row=row, **taken)

    def to(self, device: torch.device | str, dtype: torch.dtype) -> "Batch":
        """Move the batch elsewhere; only floating-point tensors change their dtype."""
        moved: dict[str, Any] = {}
        for f in fields(self):
            value = getattr(self, f.name)
            if isinstance(value, Tensor):
                moved[f.name] = value.to(device, dtype if value.is_floating_point() else None)
        return replace(self, **moved)
