"""The covariance between the rows of a matrix, in whatever form it is given."""

from abc import ABC, abstractmethod
from collections.abc import Sequence

import torch
from torch import Tensor


class AbstractRowCovariance(ABC):
    """What a matrix-valued distribution asks of the covariance ``S`` of its rows."""

    @property
    @abstractmethod
    def shape(self) -> torch.Size:
        """``[*batch, rows]``."""

    @property
    @abstractmethod
    def log_det(self) -> Tensor:
        """``log |S|``, ``[*batch]``."""

    @property
    @abstractmethod
    def variance(self) -> Tensor:
        """Diagonal of ``S``, ``[*batch, rows]``."""

    @abstractmethod
    def square(self, value: Tensor) -> Tensor:
        """``tr(X' S^-1 X)`` of ``[..., rows, columns]``."""

    @abstractmethod
    def colour(self, shape: torch.Size) -> Tensor:
        """Normal noise of the shape ``[..., rows, columns]``, its columns of covariance ``S``."""

    @abstractmethod
    def expand(self, batch_shape: Sequence[int]) -> "AbstractRowCovariance":
        """The same for every element of a batch."""
