"""The matrix normal distribution."""

import math
from collections.abc import Sequence
from typing import Any

import torch
from pyro.distributions import TorchDistribution, constraints
from torch import Tensor

from bayes_mtl._errors import InputError, message
from bayes_mtl.distributions._abstract_row_covariance import AbstractRowCovariance
from bayes_mtl.distributions._cholesky_rows import CholeskyRows
from bayes_mtl.distributions._low_rank_rows import LowRankRows

_ONE = torch.Size()


class MatrixNormal(TorchDistribution):
    r"""A matrix whose entries have covariance ``S[i, k] O[j, l]`` between ``(i, j)`` and ``(k, l)``.

    $$
    p(W) = (2\pi)^{-PD/2} |S|^{-D/2} |O|^{-P/2}
        e^{-\mathrm{tr}(O^{-1} (W - M)^\top S^{-1} (W - M)) / 2}
    $$

    for ``P`` rows (of a prior over weights: tasks) and ``D`` columns. The covariance of the rows is given
    by its Cholesky factor, or as ``V V' + diag(d)``, at a cost that is linear in the rows.

    Parameters
    ----------
    loc
        Mean ``M``, ``[..., rows, columns]``.
    column_tril
        Lower triangular factor of ``O``, ``[..., columns, columns]``.
    row_tril
        Lower triangular factor of ``S``, ``[..., rows, rows]``; or else
    row_factor, row_diagonal
        ``V``, ``[..., rows, rank]``, and the positive ``d``, ``[..., rows]``.
    validate_args
        Whether to check the parameters; by default what torch's distributions do.

    Raises
    ------
    InputError
        If not exactly one form of ``S`` is given, or sizes do not fit.
    ValueError
        If a factor is not lower triangular with a positive diagonal (torch's own checks).

    References
    ----------
    Dawid, Some matrix-variate distribution theory (Biometrika 1981).
    """

    support = constraints.independent(constraints.real, 2)
    has_rsample = True

    def __init__(
        self,
        loc: Tensor,
        column_tril: Tensor,
        *,
        row_tril: Tensor | None = None,
        row_factor: Tensor | None = None,
        row_diagonal: Tensor | None = None,
        validate_args: bool | None = None,
    ) -> None:
        self.loc, self.column_tril = loc, column_tril
        self.rows: AbstractRowCovariance
        if row_tril is not None and row_factor is None and row_diagonal is None:
            self.rows = CholeskyRows(row_tril)
        elif row_tril is None and row_factor is not None and row_diagonal is not None:
            self.rows = LowRankRows(row_factor, row_diagonal)
        else:
            given = {"row_tril": row_tril, "row_factor": row_factor, "row_diagonal": row_diagonal}
            found = [name for name, value in given.items() if value is not None] or "none of them"
            wanted = "row_tril, or row_factor and row_diagonal"
            raise InputError(message("MatrixNormal", wanted, found, "Give one form of the rows' covariance."))
        for name, size, tensor in (("rows", self.rows.shape[-1], -2), ("columns", column_tril.shape[-1], -1)):
            if size != loc.shape[tensor]:
                remedy = "Make the mean and the factors of one size."
                raise InputError(message(name, f"{loc.shape[tensor]} as in loc", size, remedy))
        batch = torch.broadcast_shapes(loc.shape[:-2], column_tril.shape[:-2], self.rows.shape[:-1])
        super().__init__(batch, loc.shape[-2:], validate_args=validate_args)

    @property
    def arg_constraints(self) -> dict[str, Any]:
        """Of the parameters of the form in use."""
        matrix = constraints.independent(constraints.real, 2)
        rows: dict[str, Any] = {"row_tril": constraints.lower_cholesky}
        if isinstance(self.rows, LowRankRows):
            positive = constraints.independent(constraints.positive, 1)
            rows = {"row_factor": matrix, "row_diagonal": positive}
        return {"loc": matrix, "column_tril": constraints.lower_cholesky, **rows}

    @property
    def row_tril(self) -> Tensor | None:
        """Factor of the rows' covariance, None in the other form."""
        return self.rows.tril if isinstance(self.rows, CholeskyRows) else None

    @property
    def row_factor(self) -> Tensor | None:
        """``V`` of the low-rank form, None in the other."""
        return self.rows.factor if isinstance(self.rows, LowRankRows) else None

    @property
    def row_diagonal(self) -> Tensor | None:
        """``d`` of the low-rank form, None in the other."""
        return self.rows.diagonal if isinstance(self.rows, LowRankRows) else None

    def expand(self, batch_shape: Sequence[int], _instance: object = None) -> "MatrixNormal":
        new = self._get_checked_instance(MatrixNormal, _instance)
        new.loc = self.loc.expand(*batch_shape, *self.event_shape)
        new.column_tril = self.column_tril.expand(*batch_shape, *self.column_tril.shape[-2:])
        new.rows = self.rows.expand(batch_shape)
        super(MatrixNormal, new).__init__(torch.Size(batch_shape), self.event_shape, validate_args=False)
        new._validate_args = self._validate_args
        return new

    @property
    def mean(self) -> Tensor:
        """``[..., rows, columns]``."""
        return self.loc.expand(self.shape())

    @property
    def variance(self) -> Tensor:
        """Of each entry, ``[..., rows, columns]``."""
        columns = self.column_tril.square().sum(-1)
        return (self.rows.variance.unsqueeze(-1) * columns.unsqueeze(-2)).expand(self.shape())

    def rsample(self, sample_shape: Sequence[int] = _ONE) -> Tensor:
        return self.loc + self.noise(sample_shape)

    def noise(self, sample_shape: Sequence[int] = _ONE) -> Tensor:
        """Draws around a mean of zero."""
        return self.rows.colour(torch.Size(sample_shape) + self.shape()) @ self.column_tril.mT

    @property
    def log_scale(self) -> Tensor:
        """``log |S|^(D/2) |O|^(P/2)``, ``[...]``."""
        rows, columns = self.event_shape
        of_columns = CholeskyRows(self.column_tril).log_det
        return (0.5 * (columns * self.rows.log_det + rows * of_columns)).expand(self.batch_shape)

    def squared_distance(self, value: Tensor) -> Tensor:
        """``tr(O^-1 (W - M)' S^-1 (W - M))``, ``[...]``."""
        difference = (value - self.loc).mT
        return self.rows.square(torch.linalg.solve_triangular(self.column_tril, difference, upper=False).mT)

    def log_prob(self, value: Tensor) -> Tensor:
        if self._validate_args:
            self._validate_sample(value)
        constant = 0.5 * math.log(2.0 * math.pi) * self.event_shape.numel()
        density: Tensor = -0.5 * self.squared_distance(value) - self.log_scale - constant
        return density
