"""Reduced rows say the same of any weights as all rows do."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from bayes_mtl import MultiTaskModel, TaskData
from bayes_mtl.data import Statistics
from bayes_mtl.inference._collapsed_program import CollapsedProgram
from bayes_mtl.inference._reduced_rows import ReducedRows
from bayes_mtl.likelihoods import Gaussian
from bayes_mtl.priors import Hierarchical


def statistics(x: np.ndarray, y: np.ndarray, task: np.ndarray) -> Statistics:
    data = TaskData.from_arrays(x, y, task)
    model = MultiTaskModel(Hierarchical(), Gaussian(), standardize=False)
    return CollapsedProgram(model.program(data), data).statistics


def example(rows: tuple[int, ...], features: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    random, task = np.random.default_rng(0), np.repeat(np.arange(len(rows)), rows)
    return random.normal(size=(len(task), features)), random.normal(size=len(task)), task


@pytest.mark.parametrize("scales", [(1.0, 1.0, 1.0, 1.0), (1e-6, 1.0, 1e3, 1e6)])
@pytest.mark.parametrize("rows", [(1, 2, 3), (30, 4, 2)])
def test_squares_of_residuals_are_the_same(rows: tuple[int, ...], scales: tuple[float, ...]) -> None:
    x, y, task = example(rows, 4)
    x = x * np.array(scales)
    reduced = ReducedRows.of(statistics(x, y, task))
    assert reduced.design.shape[1] == min(max(rows), 5)
    weights = np.random.default_rng(1).normal(size=5) / np.array([1.0, *scales])
    ours = reduced.left + (reduced.response - reduced.design @ torch.as_tensor(weights)).square().sum(-1)
    residuals = y - weights[0] - x @ weights[1:]
    # A few digits less than of the rows: columns are scaled, their products are summed.
    assert np.allclose(ours, [np.sum(residuals[task == t] ** 2) for t in range(len(rows))], rtol=1e-9)


def test_features_that_others_determine_take_no_rows() -> None:
    x, y, task = example((40, 40), 2)
    x = np.column_stack([x, x @ [1.0, 2.0], np.ones(len(x))])
    assert ReducedRows.of(statistics(x, y, task)).design.shape == (2, 3, 5)


def test_a_task_without_rows_has_none() -> None:
    sums = statistics(*example((5, 5), 2))
    keep = torch.tensor([1.0, 0.0], dtype=torch.float64)
    empty = replace(
        sums, xx=sums.xx * keep[:, None, None], xy=sums.xy * keep[:, None], yy=sums.yy * keep, n=sums.n * keep
    )
    reduced = ReducedRows.of(empty)
    assert not reduced.design[1].any()
    assert not reduced.response[1].any()
    assert torch.equal(reduced.left, reduced.left * keep)
    assert torch.allclose(reduced.design[0], ReducedRows.of(sums).design[0])
