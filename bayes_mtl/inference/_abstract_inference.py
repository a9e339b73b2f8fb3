"""What every inference offers."""

from abc import ABC, abstractmethod
from dataclasses import fields
from typing import TYPE_CHECKING

from bayes_mtl.data import TaskData
from bayes_mtl.model import MultiTaskModel

if TYPE_CHECKING:
    from bayes_mtl.posterior import Posterior


class AbstractInference(ABC):
    """Settings of an inference, a frozen dataclass; `run` never changes the model or the data."""

    @abstractmethod
    def run(self, model: MultiTaskModel, data: TaskData, *, seed: int = 0) -> "Posterior":
        """Fit ``model`` to ``data``.

        Parameters
        ----------
        seed
            The same seed gives the same posterior; the caller's random state is left as it was.

        Raises
        ------
        InputError, UnsupportedError
            Where the data do not fit the likelihood, or the model this inference.
        """

    def described(self) -> dict[str, str]:
        """Settings by name, as text, for the record of a fit."""
        return {f.name: repr(getattr(self, f.name)) for f in fields(self) if f.repr}  # type: ignore[arg-type]
