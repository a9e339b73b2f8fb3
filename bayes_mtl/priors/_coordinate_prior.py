"""Which priors have closed-form updates."""

from typing import Protocol, runtime_checkable

from bayes_mtl._shapes import Dims
from bayes_mtl.data import Statistics
from bayes_mtl.priors._abstract_coordinate_updates import AbstractCoordinateUpdates


@runtime_checkable
class CoordinatePrior(Protocol):
    """A prior with closed-form updates."""

    def coordinate_updates(self, statistics: Statistics, dims: Dims) -> AbstractCoordinateUpdates:
        """The factors at their start; ``statistics`` hold the features that vary by task alone."""
