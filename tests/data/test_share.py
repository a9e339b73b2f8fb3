"""Shares of a batch add up to it."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from bayes_mtl import MultiTaskModel, TaskData
from bayes_mtl.data import Batch, Minibatches, Share
from bayes_mtl.likelihoods import Gaussian
from bayes_mtl.priors import Pooled


@pytest.mark.parametrize(("units", "size"), [(6, 1), (6, 2), (7, 2), (5, 4), (2, 3), (1, 2)])
def test_means_over_shares_are_sums_over_the_batch(units: int, size: int) -> None:
    values, factor = torch.arange(1.0, units + 1), torch.linspace(1.0, 2.0, units)
    shares = [Share(rank, size) for rank in range(size)]
    own = [(share.of(values), share.factors(factor)) for share in shares]
    assert {len(value) for pair in own for value in pair} == {shares[0].length(units)}
    whole = sum(float((value * weight).sum()) for value, weight in own) / size
    assert whole == pytest.approx(float((values * factor).sum()))
    counted = torch.cat([value[weight > 0] for value, weight in own])
    assert counted.sort().values.tolist() == values.tolist()


def shared_rows() -> TaskData:
    """23 rows with one to three labels each."""
    random = np.random.default_rng(0)
    x, y = random.normal(size=(23, 2)), random.normal(size=(23, 3))
    y[random.random((23, 3)) < 0.4] = np.nan
    return TaskData.from_outputs(x, y)


def total(batch: Batch) -> float:
    """Something that depends on all columns."""
    assert batch.y is not None
    x = batch.x[:, 0] if batch.row is None else batch.x[batch.row, 0]
    return float((batch.scale * batch.y * x).double().sum())


def test_a_whole_batch_is_divided_by_rows() -> None:
    data = shared_rows()
    batch = MultiTaskModel(Pooled(), Gaussian()).program(data).batch(data)
    batch = replace(batch, scale=torch.rand(len(data)) + 0.5)
    parts = [Share(rank, 3).of_batch(batch) for rank in range(3)]
    # products in float32
    assert sum(map(total, parts)) / 3 == pytest.approx(total(batch), rel=1e-5)
    # a row is read once, or twice where the division goes through its labels
    assert sum(len(part.x) for part in parts) <= len(batch.x) + 3


@pytest.mark.parametrize("by_rows", [False, True])
@pytest.mark.parametrize(("size", "processes"), [(6, 2), (7, 2), (5, 3), (23, 2), (2, 4)])
def test_shares_of_minibatches_are_the_minibatches(by_rows: bool, size: int, processes: int) -> None:
    data = shared_rows()
    scaling = MultiTaskModel(Pooled(), Gaussian()).program(data).scaling
    whole, *shares = (
        Minibatches(data, scaling, size, by_rows=by_rows, seed=1, share=share)
        for share in [Share(), *(Share(rank, processes) for rank in range(processes))]
    )
    shapes = set()
    for _ in range(12):  # through the ends of several epochs
        batch, parts = whole.next(), [share.next() for share in shares]
        shapes |= {(len(part.task), len(part.x)) for part in parts}
        # products in float32
        assert sum(map(total, parts)) / processes == pytest.approx(total(batch), rel=1e-5, abs=1e-5)
    assert len(shapes) == 1
