"""Covariance between the rows of a matrix, by its Cholesky factor."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from bayes_mtl.distributions._abstract_row_covariance import AbstractRowCovariance


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
