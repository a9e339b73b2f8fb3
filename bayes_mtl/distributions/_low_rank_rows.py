"""Covariance between the rows of a matrix, low rank plus diagonal."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from bayes_mtl.distributions._abstract_row_covariance import AbstractRowCovariance
from bayes_mtl.distributions._cholesky_rows import CholeskyRows


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
