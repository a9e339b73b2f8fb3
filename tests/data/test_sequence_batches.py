"""Sequences: where their targets stand and where they end, in data, batches and the program."""

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from bayes_mtl._errors import InputError
from bayes_mtl.data import Minibatches, Scaling, TaskData, full_batch
from bayes_mtl.likelihoods import Gaussian
from bayes_mtl.model import MultiTaskModel
from bayes_mtl.posterior._evaluate import chunks
from bayes_mtl.priors import Hierarchical

ROWS, STEPS, WIDTH = 30, 6, 2
RANDOM = np.random.default_rng(0)
LENGTH = RANDOM.integers(2, STEPS + 1, ROWS)
X = RANDOM.normal(size=(ROWS, STEPS, WIDTH))
X[..., 0] = np.arange(ROWS)[:, None]  # feature 0 names the row, feature 1 the step
X[..., 1] = np.arange(STEPS)
X[np.arange(STEPS) >= LENGTH[:, None]] = 1e6  # padding that would be noticed


class Remembers(nn.Module):
    """Features of its input at each observation's step; it keeps what it was called with."""

    out_features = WIDTH

    def forward(
        self, x: Tensor, row: Tensor | None, task: Tensor, step: Tensor, length: Tensor | None
    ) -> Tensor:
        self.seen = {"x": x, "row": row, "step": step, "length": length}
        rows = torch.arange(len(task)) if row is None else row
        return x[rows, step]


def whole_and_each(x: np.ndarray = X) -> TaskData:
    """A target of each sequence, and one at each of its steps."""
    step = np.concatenate([LENGTH - 1, *(np.arange(n) for n in LENGTH)])
    row = np.r_[np.arange(ROWS), np.repeat(np.arange(ROWS), LENGTH)]
    task = np.r_[np.zeros(ROWS, dtype=int), np.ones(LENGTH.sum(), dtype=int)]
    y = 100.0 * row + step
    return TaskData.from_arrays(x, y, task, row=row, step=step, length=LENGTH, task_names=["whole", "each"])


def plain(data: TaskData) -> Scaling:
    tasks = len(data.schema.tasks)
    return Scaling.fit(data, np.zeros((tasks, 1)), np.ones((tasks, 1)), standardize=False)


def steps(data: TaskData) -> list[int] | None:
    found = full_batch(data, plain(data)).steps_of_observations()
    return None if found is None else [int(step) for step in found]


def test_scaling_ignores_padding() -> None:
    data = whole_and_each()
    scaling = Scaling.fit(data, np.zeros((2, 1)), np.ones((2, 1)))
    valid = X[np.arange(STEPS) < LENGTH[:, None]]
    np.testing.assert_allclose(scaling.x_mean, valid.mean(0), rtol=1e-12)  # sums in another order
    np.testing.assert_allclose(scaling.x_sd, valid.std(0), rtol=1e-12)
    batch = full_batch(data, scaling, dtype=torch.float64)
    assert batch.length is not None
    behind = torch.arange(STEPS) >= batch.length[:, None]
    assert (batch.x[behind] == 0).all()


def test_a_target_without_a_step_stands_at_the_last_valid_one() -> None:
    data = TaskData.from_arrays(X, np.arange(ROWS), np.arange(ROWS) % 3, length=LENGTH)
    np.testing.assert_array_equal(steps(data), LENGTH[data.index] - 1)
    shared = TaskData.from_arrays(X, [1.0, 2.0], [0, 1], row=[5, 5], length=LENGTH)
    assert steps(shared) == [LENGTH[5] - 1] * 2
    equal = TaskData.from_arrays(X, np.arange(ROWS), np.arange(ROWS) % 3)
    assert set(steps(equal) or ()) == {STEPS - 1}
    flat = TaskData.from_arrays(X[:, 0], np.arange(ROWS), np.arange(ROWS) % 3)
    assert steps(flat) is None


@pytest.mark.parametrize("size", [7, ROWS])
@pytest.mark.parametrize("mapped", [False, True])
def test_minibatches_of_rows_carry_steps_and_lengths(size: int, mapped: bool, tmp_path: Path) -> None:
    x = X
    if mapped:
        np.save(tmp_path / "x.npy", X)
        x = np.load(tmp_path / "x.npy", mmap_mode="r")
    data = whole_and_each(x)
    assert not mapped or data.x is x
    batch = Minibatches(data, plain(data), size, by_rows=True, dtype=torch.float64).next()
    assert batch.row is not None and batch.step is not None and batch.y is not None
    assert batch.length is not None and len(batch.length) == len(batch.x) == size
    row = batch.x[:, 0, 0]
    np.testing.assert_array_equal(batch.length.numpy(), LENGTH[row.long().numpy()])
    assert torch.equal(batch.y, 100.0 * row[batch.row] + batch.step)
    # Each row comes with all of its observations: one, and one a step.
    real = batch.scale > 0
    counts = torch.bincount(batch.row[real], minlength=size)
    assert torch.equal(counts, batch.length + 1)


def test_the_program_tells_networks_steps_and_lengths() -> None:
    data = whole_and_each()
    program = MultiTaskModel(Hierarchical(), Gaussian(), Remembers()).program(data)
    batch = program.batch(data)
    features = program.design(batch)[:, 1:]
    scaling = program.scaling
    expected = (data.x[data.row, data.step] - scaling.x_mean) / scaling.x_sd
    np.testing.assert_allclose(features.numpy(), expected, atol=1e-5)  # float32
    assert isinstance(program.network, Remembers)
    seen = program.network.seen
    assert seen["x"] is batch.x and seen["row"] is batch.row
    assert torch.equal(seen["step"], torch.as_tensor(data.step))
    np.testing.assert_array_equal(seen["length"], data.length)


def test_parts_hold_each_row_once_and_all_observations() -> None:
    data = whole_and_each()
    program = MultiTaskModel(Hierarchical(), Gaussian()).program(data)
    weights = torch.zeros(40_000, 2, WIDTH + 1, 1)  # so many that a part holds 139 observations
    parts = list(chunks(program, {"weights": weights}, program.batch(data)))
    assert len(parts) > 1
    places = torch.cat([place for place, _ in parts])
    assert torch.equal(places.sort().values, torch.arange(len(data)))
    # A row is cut by the end of a part at most.
    assert sum(len(part.x) for _, part in parts) <= ROWS + len(parts) - 1
    for place, part in parts:
        assert torch.equal(part.y, torch.as_tensor(data.y[place.numpy()]).float())
        assert part.row is not None and part.length is not None and len(part.length) == len(part.x)


def test_splitting_by_rows_holds_out_whole_sequences() -> None:
    data = whole_and_each()
    train, test = data.split(0.3, seed=1)
    taken = [set(np.round(side.x[side.row, 0, 0]).astype(int)) for side in (train, test)]
    assert taken[0].isdisjoint(taken[1]) and len(taken[1]) == 9
    assert len(train) + len(test) == len(data)
    for side in (train, test):
        assert side.length is not None
        np.testing.assert_array_equal(side.length, LENGTH[side.x[:, 0, 0].astype(int)])
        np.testing.assert_array_equal(side.y, 100.0 * side.x[side.row, 0, 0] + side.step)


@pytest.mark.parametrize("seed", range(5))
def test_every_task_keeps_a_sequence_in_training(seed: int) -> None:
    row = np.r_[np.arange(ROWS), 3, 4, 4]
    task = np.r_[np.zeros(ROWS, dtype=int), 1, 1, 2]
    data = TaskData.from_arrays(X, np.zeros(len(row)), task, row=row, length=LENGTH)
    train, _ = data.split(0.9, seed=seed)
    assert train.counts.min() >= 1
    alone = TaskData.from_arrays(X[:1], [0.0, 1.0], [0, 1], row=[0, 0])
    with pytest.raises(InputError, match="a sequence to spare"):
        alone.split()


def test_wrong_lengths_and_steps() -> None:
    y, task = np.zeros(ROWS), np.arange(ROWS) % 2
    with pytest.raises(InputError, match="length: expected x of"):
        TaskData.from_arrays(X[:, 0], y, task, length=LENGTH)
    with pytest.raises(InputError, match="at least 1 step in every sequence"):
        TaskData.from_arrays(X, y, task, length=np.zeros(ROWS, dtype=int))
    with pytest.raises(InputError, match="length: expected positions from 0 to 6"):
        TaskData.from_arrays(X, y, task, length=np.full(ROWS, STEPS + 1))
    with pytest.raises(InputError, match="steps before the end of their sequence"):
        TaskData.from_arrays(X, y, task, length=LENGTH, step=np.minimum(LENGTH, STEPS - 1))
