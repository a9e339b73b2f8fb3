"""Rows in blocks of tasks, and many small systems at once: the same numbers as task by task."""

import pytest
import torch
from torch import Tensor

from bayes_mtl.inference._rows_by_task import RowsByTask
from bayes_mtl.inference._small_systems import backward_solved, factor_of, forward_solved

SIZES = [(1, 2, 3, 4, 5, 9, 40), (7, 7, 7), (0, 3, 0, 12), (1,), (0, 0)]
LEADS: list[tuple[int, ...]] = [(), (3,), (2, 3)]


def ragged(sizes: tuple[int, ...]) -> tuple[Tensor, Tensor]:
    """Design of three features and tasks, in no order."""
    task = torch.repeat_interleave(torch.arange(len(sizes)), torch.tensor(sizes))
    task = task[torch.randperm(len(task))]
    return torch.randn(len(task), 3, dtype=torch.float64), task


@pytest.mark.parametrize("lead", LEADS, ids=str)
@pytest.mark.parametrize("sizes", SIZES, ids=str)
def test_sums_and_products_are_those_of_loops(sizes: tuple[int, ...], lead: tuple[int, ...]) -> None:
    torch.manual_seed(0)
    design, task = ragged(sizes)
    rows = RowsByTask(design, task, len(sizes))
    assert rows.filled.sum() == len(task) and len(rows.order) <= 2 * len(task)
    own = rows.order[rows.filled.bool()]
    assert sorted(own.tolist()) == list(range(len(task)))

    weights = torch.randn(*lead, len(sizes), 3, dtype=torch.float64)
    every = (weights[..., task, :] * design).sum(-1)
    torch.testing.assert_close(rows.predictor(weights), every[..., rows.order])

    values = torch.randn(*lead, len(task), dtype=torch.float64)
    cells = values[..., rows.order] * rows.filled
    for t in range(len(sizes)):
        x, v = design[task == t], values[..., task == t]
        torch.testing.assert_close(rows.sums(cells)[..., t, :], v @ x)
        squares = torch.einsum("...n,ni,nj->...ij", v, x, x)
        torch.testing.assert_close(rows.sums_of_squares(cells)[..., t, :, :], squares)
        torch.testing.assert_close(rows.totals(cells)[..., t], v.sum(-1))


@pytest.mark.parametrize("size", [1, 2, 5])
def test_systems_are_solved_as_by_a_library(size: int) -> None:
    torch.manual_seed(0)
    root = torch.randn(4, 6, size, size, dtype=torch.float64)
    matrices = root @ root.mT + torch.eye(size, dtype=torch.float64)
    right = torch.randn(4, 6, size, dtype=torch.float64)
    factor = factor_of(matrices.movedim((-2, -1), (0, 1)))
    expected = torch.linalg.cholesky(matrices)
    torch.testing.assert_close(factor.movedim((0, 1), (-2, -1)), expected)
    solved = forward_solved(factor, right.movedim(-1, 0))
    whole = backward_solved(factor, solved).movedim(0, -1)
    torch.testing.assert_close(whole, torch.cholesky_solve(right.unsqueeze(-1), expected).squeeze(-1))


def test_a_matrix_without_a_factor_has_no_number_and_others_do() -> None:
    matrices = torch.stack([torch.eye(2), torch.tensor([[1.0, 2.0], [2.0, 1.0]])], -1)
    diagonal = factor_of(matrices).diagonal(dim1=0, dim2=1)
    assert diagonal.isfinite().all(-1).tolist() == [True, False]
