"""Algebra of small matrices, written out as single numbers for the compiler.

A compiler joins operations on single numbers into one loop over all tasks. A Cholesky factor, a product of
matrices or a running sum it hands to a library instead, a call which for a few numbers costs more than all
else in a step.
"""

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor

_EXACT = (torch.float32, torch.float64)
_ROWS = 4
"""Largest matrix to be written out: the operations grow with the cube of it."""
_SIDE = _ROWS + 1
"""Largest side of one of many matrices whose product is written out: with a column beside a system's own."""
_RUNNING = 8
"""Longest running sum or product."""
_NUMBERS = 4_096
"""Products of numbers from which a library's product of matrices is the quicker."""


def _cholesky(matrix: Tensor, *, upper: bool = False, check_errors: bool = False) -> Any:
    size = matrix.shape[-1]
    if size > _ROWS or upper or matrix.is_complex():
        return NotImplemented
    lower: list[list[Tensor]] = []
    for i in range(size):
        row: list[Tensor] = []
        for j in range(i + 1):
            left = matrix[..., i, j]
            for k in range(j):
                left = left - row[k] * (row if i == j else lower[j])[k]
            # No factor, no number: the root of a negative number, but of 0 as well.
            row.append(torch.where(left > 0, left, torch.nan).sqrt() if i == j else left / lower[j][j])
        lower.append(row)
    info = matrix.new_zeros(matrix.shape[:-2], dtype=torch.int32)
    return _full(lower, matrix), info


def _cholesky_inverse(factor: Tensor, upper: bool = False) -> Any:
    size = factor.shape[-1]
    if size > _ROWS or upper:
        return NotImplemented
    inverse = _inverse([[factor[..., i, j] for j in range(i + 1)] for i in range(size)])
    rows = [
        [_sum([inverse[k][i] * inverse[k][j] for k in range(i, size)]) for j in range(i + 1)]
        for i in range(size)
    ]
    return _full([[*rows[i], *(rows[j][i] for j in range(i + 1, size))] for i in range(size)], factor)


def _solve_triangular(
    matrix: Tensor, right: Tensor, *, upper: bool, left: bool = True, unitriangular: bool = False
) -> Any:
    size = matrix.shape[-1]
    if size > _ROWS or not left or unitriangular:
        return NotImplemented
    order = range(size - 1, -1, -1) if upper else range(size)
    solved: dict[int, Tensor] = {}
    for i in order:
        rest = right[..., i, :]
        for k, value in solved.items():
            rest = rest - matrix[..., i, k].unsqueeze(-1) * value
        solved[i] = rest / matrix[..., i, i].unsqueeze(-1)
    return torch.stack([solved[i] for i in range(size)], -2)


def _product(one: Tensor, other: Tensor) -> Any:
    if not 0 < one.numel() * other.shape[-1] <= _NUMBERS or one.dtype not in _EXACT:
        return NotImplemented
    return (one.unsqueeze(-1) * other.unsqueeze(-3)).sum(-2)


def _products(one: Tensor, other: Tensor) -> Any:
    """Of many matrices, each with its own: a library's call for each costs more than what it does."""
    inner, columns = other.shape[-2:]
    if max(*one.shape[-2:], columns) > _SIDE or not other.numel() or one.dtype not in _EXACT:
        return _product(one, other)
    left, right = (
        [[m[..., i, j] for j in range(m.shape[-1])] for i in range(m.shape[-2])] for m in (one, other)
    )
    rows = [[_sum([row[k] * right[k][j] for k in range(inner)]) for j in range(columns)] for row in left]
    return torch.stack([torch.stack(row, -1) for row in rows], -2)


def _running_sum(value: Tensor, dim: int, *, dtype: torch.dtype | None = None) -> Any:
    if not _short(value, dim, dtype):
        return NotImplemented
    chosen = value.movedim(dim, -1).unsqueeze(-2) * _before(value, dim).to(value.dtype)
    return chosen.sum(-1).movedim(-1, dim)


def _running_product(value: Tensor, dim: int, *, dtype: torch.dtype | None = None) -> Any:
    if not _short(value, dim, dtype):
        return NotImplemented
    factors = torch.where(_before(value, dim), value.movedim(dim, -1).unsqueeze(-2), 1)
    return factors.prod(-1).movedim(-1, dim)


def _short(value: Tensor, dim: int, dtype: torch.dtype | None) -> bool:
    known = value.dtype in (*_EXACT, torch.int64) and dtype in (None, value.dtype)
    return known and value.dim() > 0 and 0 < value.shape[dim] <= _RUNNING


def _before(value: Tensor, dim: int) -> Tensor:
    """``[i, j]``: whether ``j`` is among the first ``i``."""
    place = torch.arange(value.shape[dim], device=value.device)
    return place <= place.unsqueeze(-1)


def _inverse(lower: Sequence[Sequence[Tensor]]) -> list[list[Tensor]]:
    """Inverse of a lower triangle, row by row."""
    found: list[list[Tensor]] = []
    for i, row in enumerate(lower):
        own = 1.0 / row[i]
        above = [-own * _sum([row[k] * found[k][j] for k in range(j, i)]) for j in range(i)]
        found.append([*above, own])
    return found


def _sum(values: Sequence[Tensor]) -> Tensor:
    total = values[0]
    for value in values[1:]:
        total = total + value
    return total


def _full(rows: Sequence[Sequence[Tensor]], like: Tensor) -> Tensor:
    """One matrix of its rows, zeros where these end."""
    zero, size = torch.zeros_like(like[..., 0, 0]), len(rows)
    return torch.stack([torch.stack([*row, *[zero] * (size - len(row))], -1) for row in rows], -2)


_ATEN: Any = torch.ops.aten
SMALL_ALGEBRA: dict[Any, Callable[..., Any]] = {
    _ATEN.linalg_cholesky_ex.default: _cholesky,
    _ATEN.cholesky_inverse.default: _cholesky_inverse,
    _ATEN.linalg_solve_triangular.default: _solve_triangular,
    _ATEN.mm.default: _product,
    _ATEN.bmm.default: _products,
    _ATEN.cumsum.default: _running_sum,
    _ATEN.cumprod.default: _running_product,
}
"""What to capture in place of these operations; each declines what is too large for it."""
