"""Tasks that have the same likelihood, as `Mixed` sees them."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor

from bayes_mtl._shapes import Dims, gather_tasks
from bayes_mtl.data import Batch, TaskData
from bayes_mtl.likelihoods._abstract import AbstractLikelihood
from bayes_mtl.likelihoods._prefix import Prefix
from bayes_mtl.likelihoods._same import same

_OBSERVED = ("row", "task", "y", "index", "step", "noise", "offset", "trials", "weight", "censored")


@dataclass(frozen=True, eq=False)
class Kind:
    """One kind of tasks.

    Attributes
    ----------
    name
        Prefix of its sites, e.g. ``gaussian`` or ``gaussian_2``.
    likelihood
        Of each of its tasks.
    tasks
        Positions of its tasks.
    outputs
        Number of linear predictors that it needs.
    """

    name: str
    likelihood: AbstractLikelihood
    tasks: tuple[int, ...]
    outputs: int

    def data(self, data: TaskData) -> TaskData:
        """Its observations, less the columns that mean nothing to it; rows stay where they are.

        A column that its likelihood does not understand is kept where it says something, so that the
        likelihood's check refuses it.
        """
        own = np.flatnonzero(np.isin(data.task, self.tasks))
        columns = {name: getattr(data, name)[own] for name in _OBSERVED if getattr(data, name) is not None}
        for name in columns.keys() & {"noise", "offset", "trials", "censored"} - self.likelihood.columns:
            if name in ("noise", "trials") or not columns[name].any():
                columns[name] = None
        return replace(data, **columns)

    def parameters(self, dims: Dims) -> dict[str, Tensor]:
        """Sample its parameters under its own names, those of each task put at the task's place."""
        mine = dims.task_features
        if mine is not None:
            mine = mine.index_select(0, torch.tensor(self.tasks, device=mine.device))
        own = replace(
            dims,
            tasks=len(self.tasks),
            outputs=self.outputs,
            task_features=mine,
            name=f"{self.name}_{dims.name}",
        )
        with Prefix(self.name, own.name):
            values = self.likelihood.parameters(own)
        # tasks of other kinds get the values of this kind's first task, and never use them
        place = [0] * dims.tasks
        for i, task in enumerate(self.tasks):
            place[task] = i
        events = self.likelihood.events
        scattered = {}
        for key, value in values.items():
            if own.tasks > 1:
                index = torch.tensor(place, device=value.device)
                value = gather_tasks(value, index, own.tasks, events.get(key, 0))
            scattered[f"{self.name}.{key}"] = value
        return scattered

    def arguments(
        self, f: Tensor, batch: Batch, parameters: Mapping[str, Tensor]
    ) -> tuple[Tensor, Batch, dict[str, Tensor]]:
        """Arguments of its likelihood, harmless wherever an observation is of another kind.

        So nothing there can overflow, and no infinite or undefined derivative is multiplied by zero.
        """
        own, tasks = self.mask(batch), self._tasks(batch).unsqueeze(-1)
        safe = replace(
            batch,
            shift=_keep(batch.shift[:, : self.outputs], tasks, 0.0),
            spread=_keep(batch.spread[:, : self.outputs], tasks, 1.0),
            y=None if batch.y is None else _keep(batch.y, own, self.likelihood.placeholder),
            noise=None if batch.noise is None else _keep(batch.noise, own, 1.0),
            trials=None if batch.trials is None else _keep(batch.trials, own, 1.0),
            censored=None if batch.censored is None else batch.censored & own,
        )
        prefix = f"{self.name}."
        mine = {key.removeprefix(prefix): v for key, v in parameters.items() if key.startswith(prefix)}
        return _keep(f[..., : self.outputs], own.unsqueeze(-1), 0.0), safe, mine

    def mask(self, batch: Batch) -> Tensor:
        """``[observations]``: which are of this kind."""
        return self._tasks(batch).index_select(0, batch.task)

    def _tasks(self, batch: Batch) -> Tensor:
        mask = torch.zeros(batch.tasks, dtype=torch.bool, device=batch.task.device)
        return mask.index_fill(0, torch.tensor(self.tasks, device=mask.device), True)


def distinct(likelihoods: Iterable[AbstractLikelihood]) -> dict[str, AbstractLikelihood]:
    """Different likelihoods by name; the second of a name is ``name_2``."""
    found: list[AbstractLikelihood] = []
    for likelihood in likelihoods:
        if not any(same(likelihood, other) for other in found):
            found.append(likelihood)
    named: dict[str, AbstractLikelihood] = {}
    for likelihood in found:
        count = sum(type(other).name == type(likelihood).name for other in named.values())
        named[type(likelihood).name + (f"_{count + 1}" if count else "")] = likelihood
    return named


def _keep(value: Tensor, own: Tensor, other: float) -> Tensor:
    return torch.where(own, value, torch.full((), other, dtype=value.dtype, device=value.device))
