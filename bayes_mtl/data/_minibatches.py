"""Random batches of observations whose log-likelihood is unbiased."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from torch import Tensor

from bayes_mtl._errors import InputError, InputTypeError, UnsupportedError, message
from bayes_mtl.data._abstract_sampler import AbstractSampler
from bayes_mtl.data._abstract_schedule import AbstractSchedule
from bayes_mtl.data._batch import Batch
from bayes_mtl.data._dataset_rows import is_stored
from bayes_mtl.data._epoch_sampler import EpochSampler
from bayes_mtl.data._full_batch import as_batch, full_batch
from bayes_mtl.data._row_groups import RowGroups
from bayes_mtl.data._scaling import Scaling
from bayes_mtl.data._scheduled_sampler import ScheduledSampler
from bayes_mtl.data._share import WHOLE, Share
from bayes_mtl.data._standardise import standardised_rows
from bayes_mtl.data._task_data import TaskData
from bayes_mtl.data._tempered import Tempered


class Minibatches:
    """Random batches of one shape; the sum of ``scale * log-likelihood`` over a batch is unbiased.

    Data in memory is standardised once and kept on ``device``; of memory-mapped rows only those of
    the batch are read. The caller's random numbers are left alone.

    Parameters
    ----------
    data, scaling
        Observations and their standardisation.
    size
        Observations a batch (rows where ``by_rows``); where each is drawn once an epoch at most all of them.
    temperature
        1: every observation once an epoch. Otherwise tasks are drawn with probability proportional to
        ``count^(1/temperature)``, with replacement; infinity draws all tasks equally often.
    by_rows
        Draw rows and take all of their observations, for networks. Where rows have different numbers
        of observations, batches are filled up with observations of scale 0.
    seed
        Seed of the order.
    device, dtype
        Where batches live, and the type of their floating-point tensors.
    schedule
        Probabilities of the tasks at each step, in place of a temperature.
    share
        The part of every batch that is made here, where several processes take one each.
    """

    def __init__(
        self,
        data: TaskData,
        scaling: Scaling,
        size: int,
        temperature: float = 1.0,
        by_rows: bool = False,
        seed: int = 0,
        device: torch.device | str = "cpu",
        dtype: torch.dtype = torch.float32,
        schedule: AbstractSchedule | None = None,
        share: Share = WHOLE,
    ) -> None:
        _check_settings(size, temperature, seed)
        if schedule is None and temperature != 1:
            schedule = Tempered(temperature)
        self._data, self._scaling, self._device, self._dtype = data, scaling, torch.device(device), dtype
        self.share = share
        self._mapped = self.stored = is_stored(data.x)
        used, position = np.unique(data.row, return_inverse=True)
        self._used = used
        self._position = torch.tensor(position, dtype=torch.int64)
        if self._mapped:
            nothing = np.zeros((0, *data.x.shape[1:]))
            self._all = as_batch(data, scaling, nothing, None).to(device, dtype)
        else:
            self._all = full_batch(data, scaling, device, dtype)
        alone = len(used) == len(position)
        grouped = by_rows and not alone
        unit_task = _task_of_rows(data, position, schedule) if grouped else data.task
        self.task = torch.tensor(data.task)
        """Task of each observation, on the CPU."""
        self.size: int = min(size, len(unit_task)) if schedule is None else size
        """Observations (or rows) a batch."""
        self.units: int = len(unit_task)
        """Observations (or rows) in all."""
        self._factor = (torch.empty(0), torch.empty(0))
        self._groups = (
            RowGroups(position, share.length(self.size), schedule is not None, whole=self.size)
            if grouped
            else None
        )
        self._sampler: AbstractSampler = (
            EpochSampler(len(unit_task), self.size, seed)
            if schedule is None
            else ScheduledSampler(schedule, unit_task, data.schema.tasks, self.size, seed)
        )

    def next(self) -> Batch:
        """Draw the next batch.

        Returns
        -------
        Batch
            Its ``scale`` is each observation's weight times the factor that makes the batch unbiased.
        """
        return self.assemble(**self.draw())

    def draw(self) -> dict[str, Tensor]:
        """Choose the next batch's observations.

        Returns
        -------
        dict
            Arguments of `assemble`, on the batches' device.
        """
        return self.read(*self.choose())

    def choose(self) -> tuple[Tensor, Tensor]:
        """``[size]`` units of the next batch and their factors, the same in all processes."""
        return self._sampler.next()

    def read(self, units: Tensor, factor: Tensor) -> dict[str, Tensor]:
        """What `draw` returns for ``[units]`` that `choose` returned: of this process's share alone."""
        whole = factor
        units, factor = self.share.of(units), self.share.factors(factor)
        if self._groups is None:
            drawn = {"index": units, "factor": factor}
            rows = self._position[units] if self._mapped or self._all.row is not None else units
        else:
            observations, row, factor = self._groups.expand(units, factor)
            drawn = {"index": observations, "factor": factor, "row": row}
            rows = units
        if self._mapped:
            width = len(self._data.schema.features)
            x = torch.from_numpy(standardised_rows(self._data, self._scaling, self._used[rows.numpy()]))
            drawn |= {"x": x[..., :width], "fixed": x[..., width:]}
            if self._data.length is not None:
                drawn["length"] = torch.from_numpy(self._data.length[self._used[rows.numpy()]])
        elif self._all.row is not None or self._groups is not None:
            drawn["rows"] = rows
        if whole is not self._factor[0] or self._groups is not None:  # an epoch's is one tensor, moved once
            self._factor = (whole, self.moved(factor))
        drawn["factor"] = self._factor[1]
        return {name: self.moved(value) for name, value in drawn.items()}

    def moved(self, value: Tensor) -> Tensor:
        """A tensor of any shape on the batches' device, of their type; nothing waits for a GPU to take it."""
        dtype = self._dtype if value.is_floating_point() else None
        if self._device.type == "cuda" and value.device.type == "cpu":
            return value.pin_memory().to(self._device, dtype, non_blocking=True)
        return value.to(self._device, dtype)

    def assemble(
        self,
        index: Tensor,
        factor: Tensor,
        rows: Tensor | None = None,
        row: Tensor | None = None,
        x: Tensor | None = None,
        fixed: Tensor | None = None,
        length: Tensor | None = None,
    ) -> Batch:
        """The batch of what `draw` chose: tensor operations alone, so that a compiled step may hold them.

        Parameters
        ----------
        index, factor
            ``[observations]``: which observations, and the factor of each one's log-likelihood.
        rows
            ``[rows]``: which rows; as the observations where each has its own.
        row
            ``[observations]``: place of each observation's row among them.
        x, fixed, length
            ``[rows, ...]``: features read from disk, and the valid steps of these rows.
        """
        columns: dict[str, Any] = self._all.columns(index)
        columns["scale"] = columns["scale"] * factor
        if x is None:
            # Where each row is one observation's, the full batch keeps rows in the observations' order.
            rows = index if rows is None else rows
            x = self._all.x.index_select(0, rows)
            fixed = None if self._all.fixed is None else self._all.fixed.index_select(0, rows)
            length = None if self._all.length is None else self._all.length.index_select(0, rows)
        elif not self._data.schema.fixed:
            fixed = None
        return replace(self._all, x=x, fixed=fixed, length=length, row=row, **columns)

    def state(self) -> dict[str, Tensor]:
        """All that `load_state` needs to go on exactly from here."""
        return self._sampler.state()

    def load_state(self, state: Mapping[str, Tensor]) -> None:
        """Go on from a saved `state`.

        Raises
        ------
        InputError
            For the state of other minibatches.
        """
        self._sampler.load_state(state)


def _check_settings(size: int, temperature: float, seed: int) -> None:
    if isinstance(size, bool) or not isinstance(size, (int, np.integer)):
        raise InputTypeError(message("size", "a number of observations", repr(size), "Try size=256."))
    if size < 1:
        raise InputError(message("size", "at least 1", size, "Try size=256."))
    if isinstance(temperature, bool) or not isinstance(temperature, (int, float)) or not temperature > 0:
        raise InputError(message("temperature", "a number above 0", repr(temperature), "Use 1 for none."))
    if isinstance(seed, bool) or not isinstance(seed, (int, np.integer)) or not 0 <= seed < 2**63:
        raise InputError(message("seed", "an integer of at least 0", repr(seed), "Try seed=0."))


def _task_of_rows(data: TaskData, position: np.ndarray, schedule: AbstractSchedule | None) -> np.ndarray:
    """``[rows]`` task of each row; rows that several tasks share have none, which a schedule needs."""
    task = np.zeros(int(position.max()) + 1, dtype=np.int64)
    task[position] = data.task
    if schedule is not None and (task[position] != data.task).any():
        raise UnsupportedError(
            message(
                "temperature" if isinstance(schedule, Tempered) else "schedule",
                "rows that belong to one task each",
                "rows shared by tasks",
                "Leave it out, or use by_rows=False.",
            )
        )
    return task
