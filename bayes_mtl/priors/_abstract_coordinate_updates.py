"""What a prior brings to coordinate ascent: its part of the variational posterior, and how it is updated."""

from abc import ABC, abstractmethod

from torch import Tensor


class AbstractCoordinateUpdates(ABC):
    """Factors of the posterior of the weights and of all that the prior adds; float64."""

    @abstractmethod
    def update(self, precision: Tensor) -> None:
        """Renew every factor once, each the best one given the others.

        Parameters
        ----------
        precision
            ``[tasks]``: expected inverse of the noise's variance.
        """

    @abstractmethod
    def residual(self) -> Tensor:
        """Expected sum of squared residuals of each task, ``[tasks]``."""

    @abstractmethod
    def bound(self) -> Tensor:
        """The evidence lower bound without the data: expected log prior plus entropy."""

    @abstractmethod
    def draw(self, number: int) -> dict[str, Tensor]:
        """Draws of the prior's sites and of ``weights``, ``[number, tasks or 1, *event]``."""
