"""Two forms of the covariance between the rows of a matrix: a Cholesky factor, low rank plus diagonal."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass

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


@dataclass(frozen=True)
class CholeskyRows(AbstractRowCovariance):
    """``S = L L'``, ``L`` lower triangular, ``[*batch, rows, rows]``."""

    tril: Tensor

    @property
    def shape(self) -> torch.Size:
        return self.tril.shape[:-1]

    @property
    def log_det(self) -> Tensor:
        return 2.0 * self.tril.diagonal(dim1=-2, dim2=-1).log().sum(-1)

    @property
    def variance(self) -> Tensor:
        return self.tril.square().sum(-1)

    def square(self, value: Tensor) -> Tensor:
        return torch.linalg.solve_triangular(self.tril, value, upper=False).square().sum((-2, -1))

    def colour(self, shape: torch.Size) -> Tensor:
        return self.tril @ torch.randn(shape, dtype=self.tril.dtype, device=self.tril.device)

    def expand(self, batch_shape: Sequence[int]) -> "CholeskyRows":
        return CholeskyRows(self.tril.expand(*batch_shape, *self.tril.shape[-2:]))


@dataclass(frozen=True)
class LowRankRows(AbstractRowCovariance):
    """``S = V V' + diag(d)``: cost linear in the rows (Woodbury's identity, matrix determinant lemma).

    ``V`` is ``[*batch, rows, rank]``, ``d`` positive, ``[*batch, rows]``.
    """

    factor: Tensor
    diagonal: Tensor

    @property
    def shape(self) -> torch.Size:
        return torch.broadcast_shapes(self.factor.shape[:-1], self.diagonal.shape)

    @property
    def _capacitance(self) -> Tensor:
        """Cholesky factor of ``I + V' diag(d)^-1 V``, ``[*batch, rank, rank]``."""
        white = self.factor / self.diagonal.sqrt().unsqueeze(-1)
        one = torch.eye(white.shape[-1], dtype=white.dtype, device=white.device)
        return torch.linalg.cholesky(one + white.mT @ white)

    @property
    def log_det(self) -> Tensor:
        return self.diagonal.log().sum(-1) + CholeskyRows(self._capacitance).log_det

    @property
    def variance(self) -> Tensor:
        return self.factor.square().sum(-1) + self.diagonal

    def square(self, value: Tensor) -> Tensor:
        own = value / self.diagonal.unsqueeze(-1)
        explained = CholeskyRows(self._capacitance).square(self.factor.mT @ own)
        return (value * own).sum((-2, -1)) - explained

    def colour(self, shape: torch.Size) -> Tensor:
        rank, dtype, device = self.factor.shape[-1], self.factor.dtype, self.factor.device
        common = torch.randn(*shape[:-2], rank, shape[-1], dtype=dtype, device=device)
        own = torch.randn(shape, dtype=dtype, device=device)
        return self.factor @ common + self.diagonal.sqrt().unsqueeze(-1) * own

    def expand(self, batch_shape: Sequence[int]) -> "LowRankRows":
        return LowRankRows(
            self.factor.expand(*batch_shape, *self.factor.shape[-2:]),
            self.diagonal.expand(*batch_shape, *self.diagonal.shape[-1:]),
        )
