"""Early stopping by data that take no part in the fit."""

from dataclasses import dataclass

from bayes_mtl._errors import InputError, InputTypeError, message
from bayes_mtl.data import TaskData


@dataclass(frozen=True, eq=False)
class Validation:
    """Held-out data that say when a network begins to learn its training data by heart.

    The mean log predictive density of the data is found every ``every`` steps, with the same random numbers
    each time and without dropout. The best state is kept, and restored at the end.

    Parameters
    ----------
    data
        Of the fitted tasks, made with the same columns: as by ``data.split(...)``.
    every
        Steps between two evaluations.
    patience
        Evaluations without a better one after which the training ends.
    draws
        Draws of the guide in an evaluation.
    """

    data: TaskData
    every: int = 100
    patience: int = 10
    draws: int = 20

    def __post_init__(self) -> None:
        for name in ("every", "patience", "draws"):
            if getattr(self, name) < 1:
                raise InputError(message(name, "at least 1", getattr(self, name), "Raise it."))
        if not isinstance(self.data, TaskData):
            found = type(self.data).__name__
            raise InputTypeError(message("data", "a TaskData", found, "Take a part of data.split()."))
