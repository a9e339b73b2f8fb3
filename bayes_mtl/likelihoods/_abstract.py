"""What every likelihood says of itself."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import ClassVar

import numpy as np
from pyro.distributions import Distribution
from torch import Tensor

from bayes_mtl._errors import InputError, message
from bayes_mtl._shapes import Dims
from bayes_mtl.data import Batch, TaskData


class AbstractLikelihood(ABC):
    """From the linear predictor of each observation to a distribution of its target.

    A likelihood is a frozen dataclass whose fields are settings and priors of its own parameters.
    Its parameters live on the standardised scale (where the linear predictor has spread 1);
    `distribution` multiplies them by the batch's spread, so that the target, its draws and its
    log-density are always in the user's units.

    A subclass states the constants ``columns``, ``events`` and ``discrete`` as class attributes; they
    are properties here only because `Mixed` puts them together from its parts.
    """

    name: ClassVar[str]
    """Short snake-case name; in `Mixed` its sites are called ``name/site``."""
    placeholder: ClassVar[float] = 1.0
    """A target that is possible whatever the parameters, with one trial and two classes.

    `Mixed` evaluates every likelihood on every observation; the targets of other kinds are replaced
    by this value, and what comes out is not used.
    """

    @property
    def columns(self) -> frozenset[str]:
        """Observation columns it understands; others in the data are refused."""
        return frozenset({"offset", "weight"})

    @property
    def events(self) -> Mapping[str, int]:
        """Number of event axes of each parameter that has any."""
        return {}

    @property
    def discrete(self) -> bool:
        """Whether targets are classes or counts."""
        return False

    def discrete_tasks(self, tasks: int) -> tuple[bool, ...]:
        """`discrete` for each of a number of tasks."""
        return (self.discrete,) * tasks

    def bind(self, data: TaskData) -> "AbstractLikelihood":
        """The same likelihood with what it must know of the data filled in; the default changes nothing.

        Numbers of classes, for example. The other methods that see no data need it first.
        """
        return self

    def outputs(self, data: TaskData) -> int:
        """Number of linear predictors an observation needs, the most over tasks."""
        return 1

    def task_outputs(self, data: TaskData) -> np.ndarray:
        """Number of linear predictors that each task uses, ``[tasks]``: the first ones."""
        return np.full(len(data.schema.tasks), self.outputs(data), dtype=np.int64)

    def seen(self, data: TaskData) -> np.ndarray:
        """Which outputs each task has data for, ``[tasks, outputs]``: by default all that it uses."""
        used: np.ndarray = np.arange(self.outputs(data)) < self.task_outputs(data)[:, None]
        return used

    def output_groups(self, data: TaskData) -> tuple[tuple[str, tuple[int, ...]], ...]:
        """Named groups of tasks between which weights may be shared; one unnamed group of all tasks."""
        return (("", tuple(range(len(data.schema.tasks)))),)

    def check(self, data: TaskData) -> None:
        """Refuse targets and columns that this likelihood cannot explain.

        Raises
        ------
        InputError
            Naming the column, or the first target that is impossible.
        """
        for column in ("noise", "trials", "censored", "offset"):
            if getattr(data, column) is not None and column not in self.columns:
                raise InputError(
                    message(
                        f"{type(self).__name__} likelihood",
                        f"data without the column '{column}'",
                        "one",
                        f"Leave '{column}' out, or choose a likelihood that uses it.",
                    )
                )
        self.check_targets(data)

    @abstractmethod
    def check_targets(self, data: TaskData) -> None:
        """Refuse targets outside the support."""

    def location(self, data: TaskData) -> tuple[np.ndarray, np.ndarray]:
        """Shift and spread of the linear predictor, ``[tasks, outputs]`` each.

        The default standardises nothing. They put the standardised predictor near N(0, 1), so that
        one set of default priors fits targets in any unit. Without an intercept the shift is 0: it
        would be one in disguise.
        """
        shape = (len(data.schema.tasks), self.outputs(data))
        return np.zeros(shape), np.ones(shape)

    @abstractmethod
    def working_response(self, data: TaskData) -> np.ndarray:
        """``[observations, outputs]``: a rough standardised predictor of each target.

        Starting values only: ridge regressions on it find clusters of tasks.
        """

    @abstractmethod
    def parameters(self, dims: Dims) -> dict[str, Tensor]:
        """Sample the likelihood's own parameters, one for all tasks or inside ``dims.plate()``.

        Enter the plate at most once.
        """

    @abstractmethod
    def distribution(self, f: Tensor, batch: Batch, parameters: Mapping[str, Tensor]) -> Distribution:
        """Distribution of the targets.

        Parameters
        ----------
        f
            ``[..., observations, outputs]``, linear predictor with shift, spread and offset applied.
        batch
            The observations; ``noise``, ``trials``, ``censored`` are read from it.
        parameters
            What `parameters` returned, gathered to observations: each broadcasts against
            ``[..., observations]``, event axes to its right.
        """

    def mean(self, f: Tensor, batch: Batch, parameters: Mapping[str, Tensor]) -> Tensor:
        """Expected target, ``[..., observations]``."""
        return self.distribution(f, batch, parameters).mean

    def probabilities(self, f: Tensor, batch: Batch, parameters: Mapping[str, Tensor]) -> Tensor | None:
        """Class probabilities ``[..., observations, classes]``; None where there are no classes."""
        return None
