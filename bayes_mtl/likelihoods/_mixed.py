"""Tasks of different kinds in one model.

Model
-----
Each task has its own likelihood. Tasks whose likelihoods are equal form one *kind*: they share the
likelihood's parameters as it says (one for all of them, or one a task), and are standardised together.
By default weights are shared within a kind only, since an effect on a log odds and one on a mean are
not alike; ``groups`` puts kinds together.

When: a yes/no outcome, a count and a measurement of the same people; grades on different scales.
When not: all tasks are of one kind, whose own class does the same.

Reference: Dunson (2000), *Bayesian latent variable models for clustered mixed outcomes*.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import ClassVar

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import pad

from bayes_mtl._errors import InputError, InputTypeError, message
from bayes_mtl._shapes import Dims
from bayes_mtl.data import Batch, TaskData
from bayes_mtl.likelihoods._abstract import AbstractLikelihood
from bayes_mtl.likelihoods._kind import Kind, distinct
from bayes_mtl.likelihoods._same import same
from bayes_mtl.likelihoods._selected import Selected, select


@dataclass(frozen=True)
class Mixed(AbstractLikelihood):
    """A likelihood for each task.

    Two likelihoods are equal when they are of one class with equal settings, priors included.

    Targets are numbers, classes as 0, 1, ...; a column that means nothing to a task's likelihood is
    ignored for it (``noise``, ``trials``) or must be empty there (``offset``, ``censored``).

    Parameters
    ----------
    likelihoods
        Task name -> likelihood.
    default
        Likelihood of every other task; without it each task must be named.
    groups
        Task name -> name of the group of tasks between which weights may be shared. Tasks not
        named here belong to the group of their kind.
    bound
        Name and number of outputs of each task, in the data's order. `bind` fills it in.
    """

    name: ClassVar[str] = "mixed"

    likelihoods: Mapping[str, AbstractLikelihood]
    default: AbstractLikelihood | None = None
    groups: Mapping[str, str] | None = None
    bound: tuple[tuple[str, int], ...] | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "likelihoods", dict(self.likelihoods))
        for task, likelihood in [*self.likelihoods.items(), ("default", self.default or self._all()[0])]:
            if not isinstance(likelihood, AbstractLikelihood) or isinstance(likelihood, Mixed):
                found = likelihood.__name__ if isinstance(likelihood, type) else type(likelihood).__name__
                raise InputTypeError(
                    message(f"likelihood of {task!r}", "a likelihood of one kind", found, "Pass an instance.")
                )

    def _all(self) -> list[AbstractLikelihood]:
        every = [*self.likelihoods.values(), *([] if self.default is None else [self.default])]
        if not every:
            raise InputError(message("likelihoods", "a likelihood for each task", "none", "Name the tasks."))
        return every

    @property
    def columns(self) -> frozenset[str]:
        return frozenset().union(*(likelihood.columns for likelihood in self._all()))

    @property
    def discrete(self) -> bool:
        return all(likelihood.discrete for likelihood in self._all())

    def discrete_tasks(self, tasks: int) -> tuple[bool, ...]:
        self._check_tasks(tasks)
        found = {task: kind.likelihood.discrete for kind in self.kinds for task in kind.tasks}
        return tuple(found[task] for task in range(tasks))

    @property
    def events(self) -> Mapping[str, int]:
        return {f"{k.name}.{key}": n for k in self.kinds for key, n in k.likelihood.events.items()}

    @cached_property
    def kinds(self) -> tuple[Kind, ...]:
        """The kinds of tasks, in the order in which `likelihoods` names them."""
        if self.bound is None:
            raise InputError(message("Mixed", "a likelihood bound to data", "none", "Call bind(data) first."))
        own = [self._likelihood(task) for task, _ in self.bound]
        kinds = []
        for name, likelihood in distinct(self._all()).items():
            tasks = tuple(t for t, other in enumerate(own) if same(other, likelihood))
            if tasks:
                kinds.append(Kind(name, likelihood, tasks, max(self.bound[t][1] for t in tasks)))
        return tuple(kinds)

    def _likelihood(self, task: str) -> AbstractLikelihood:
        likelihood = self.likelihoods.get(task, self.default)
        if likelihood is None:
            known = ", ".join(repr(name) for name in list(self.likelihoods)[:5])
            raise InputError(
                message(
                    "likelihoods",
                    f"a likelihood for task {task!r}",
                    f"only {known}",
                    "Add it, or pass default=.",
                )
            )
        return likelihood

    def bind(self, data: TaskData) -> "Mixed":
        names = data.schema.tasks
        if self.bound is not None and tuple(name for name, _ in self.bound) == names:
            return self
        free = replace(self, bound=tuple((name, 1) for name in names))
        likelihoods, default, outputs = dict(self.likelihoods), self.default, [1] * len(names)
        for kind in free.kinds:
            own = kind.data(data)
            likelihood = kind.likelihood.bind(own)
            likelihoods |= {
                t: likelihood for t, other in self.likelihoods.items() if same(other, kind.likelihood)
            }
            default = likelihood if same(default, kind.likelihood) else default
            for t in kind.tasks:
                outputs[t] = likelihood.outputs(own)
        return replace(
            self, likelihoods=likelihoods, default=default, bound=tuple(zip(names, outputs, strict=True))
        )

    def outputs(self, data: TaskData) -> int:
        return int(self.task_outputs(data).max())

    def task_outputs(self, data: TaskData) -> np.ndarray:
        return np.array([outputs for _, outputs in self.bind(data).bound or ()], dtype=np.int64)

    def output_groups(self, data: TaskData) -> tuple[tuple[str, tuple[int, ...]], ...]:
        kinds = {t: kind.name for kind in self.bind(data).kinds for t in kind.tasks}
        found: dict[str, list[int]] = {}
        for t in sorted(kinds):
            found.setdefault((self.groups or {}).get(data.schema.tasks[t], kinds[t]), []).append(t)
        return tuple((name, tuple(tasks)) for name, tasks in found.items())

    def check(self, data: TaskData) -> None:
        bound = self.bind(data)
        # with a default a misspelt name would pass unnoticed
        named = {*(self.likelihoods if self.default is not None else ()), *(self.groups or ())}
        for name in sorted(named - set(data.schema.tasks)):
            known = ", ".join(repr(task) for task in data.schema.tasks[:5])
            raise InputError(message("Mixed", f"names of tasks ({known})", repr(name), "Correct or drop it."))
        sizes = bound.task_outputs(data)
        for name, tasks in bound.output_groups(data):
            if len({int(sizes[t]) for t in tasks}) > 1:
                raise InputError(
                    message(
                        "groups",
                        f"tasks with the same number of outputs in group {name!r}",
                        f"{sorted({int(sizes[t]) for t in tasks})}",
                        "Put them in different groups.",
                    )
                )
        super().check(data)

    def check_targets(self, data: TaskData) -> None:
        for kind in self.bind(data).kinds:
            kind.likelihood.check(kind.data(data))

    def location(self, data: TaskData) -> tuple[np.ndarray, np.ndarray]:
        shift, spread = super().location(data)
        for kind in self.bind(data).kinds:
            own = np.array(kind.tasks)
            theirs = kind.likelihood.location(kind.data(data))
            shift[own, : kind.outputs], spread[own, : kind.outputs] = theirs[0][own], theirs[1][own]
        return shift, spread

    def seen(self, data: TaskData) -> np.ndarray:
        found = np.zeros((len(data.schema.tasks), self.outputs(data)), dtype=bool)
        for kind in self.bind(data).kinds:
            own = np.array(kind.tasks)
            found[own, : kind.outputs] = kind.likelihood.seen(kind.data(data))[own]
        return found

    def working_response(self, data: TaskData) -> np.ndarray:
        bound = self.bind(data)
        response = np.zeros((data.y.size, bound.outputs(data)))
        for kind in bound.kinds:
            own = np.isin(data.task, kind.tasks)
            response[own, : kind.outputs] = kind.likelihood.working_response(kind.data(data))
        return response

    def parameters(self, dims: Dims) -> dict[str, Tensor]:
        self._check_tasks(dims.tasks)
        return {key: value for kind in self.kinds for key, value in kind.parameters(dims).items()}

    def distribution(self, f: Tensor, batch: Batch, parameters: Mapping[str, Tensor]) -> Selected:
        self._check_tasks(batch.tasks)
        return Selected(
            [kind.likelihood.distribution(*kind.arguments(f, batch, parameters)) for kind in self.kinds],
            [kind.mask(batch) for kind in self.kinds],
            [kind.likelihood.placeholder for kind in self.kinds],
            f.dtype,
        )

    def mean(self, f: Tensor, batch: Batch, parameters: Mapping[str, Tensor]) -> Tensor:
        self._check_tasks(batch.tasks)
        means = [kind.likelihood.mean(*kind.arguments(f, batch, parameters)) for kind in self.kinds]
        return select(means, [kind.mask(batch) for kind in self.kinds])

    def probabilities(self, f: Tensor, batch: Batch, parameters: Mapping[str, Tensor]) -> Tensor | None:
        """Class probabilities: 0 beyond the classes of a task, NaN for tasks without classes."""
        self._check_tasks(batch.tasks)
        found = [kind.likelihood.probabilities(*kind.arguments(f, batch, parameters)) for kind in self.kinds]
        classes = max((p.shape[-1] for p in found if p is not None), default=0)
        if classes == 0:
            return None
        none = f.new_full((*f.shape[:-1], classes), torch.nan)
        filled = [none if p is None else pad(p, (0, classes - p.shape[-1])) for p in found]
        return select(filled, [kind.mask(batch).unsqueeze(-1) for kind in self.kinds])

    def _check_tasks(self, tasks: int) -> None:
        expected = sum(len(kind.tasks) for kind in self.kinds)
        if tasks != expected:
            raise InputError(
                message(
                    "tasks", f"the {expected} that Mixed is bound to", tasks, "Bind it to the other data."
                )
            )
