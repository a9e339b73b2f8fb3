"""Rows of a torch data set are those of the array it is made of."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch.utils.data import Dataset, IterableDataset, TensorDataset

from bayes_mtl import MultiTaskModel, TaskData
from bayes_mtl._errors import InputError, InputTypeError
from bayes_mtl.data import gram
from bayes_mtl.data._dataset_rows import DatasetRows
from bayes_mtl.inference import SVI, Collapsed
from bayes_mtl.likelihoods import Gaussian
from bayes_mtl.priors import Hierarchical, Pooled
from tests.inference import cases

DATA = cases.rows()


class Counted(Dataset[Any]):
    """Counts what is asked for; may fail."""

    def __init__(self, x: np.ndarray, broken: bool = False) -> None:
        self.x, self.read, self.broken = x, 0, broken

    def __len__(self) -> int:
        return len(self.x)

    def __getitem__(self, place: int) -> np.ndarray:
        self.read += 1
        if self.broken and self.read > 500:
            raise OSError("the disk is gone")
        return self.x[place]


class Together(Counted):
    """Gives rows of a batch at once, with something behind each."""

    def __getitems__(self, places: list[int]) -> list[tuple[torch.Tensor, str]]:
        return [(torch.as_tensor(self.x[place]), "more") for place in places]


def test_indices_are_those_of_an_array() -> None:
    x = np.arange(42.0).reshape(7, 3, 2)
    rows, mask = DatasetRows(Counted(x)), np.arange(7) % 2 == 0
    places, steps = np.array([3, 0, 3]), np.array([0, 2, 1])
    assert (rows.shape, rows.ndim, len(rows), rows.dtype) == (x.shape, 3, 7, x.dtype)
    for index in (slice(1, 5), slice(None, None, 3), places, mask, 2, -1, (places, steps), (places, 1)):
        np.testing.assert_array_equal(rows[index], x[index])
    np.testing.assert_array_equal(np.asarray(rows), x)
    assert rows[np.zeros(0, dtype=int)].shape == (0, 3, 2)


@pytest.mark.parametrize("kind", [Counted, Together, lambda x: TensorDataset(torch.as_tensor(x))])
def test_data_are_those_of_the_array(kind: Any) -> None:
    data = TaskData.from_arrays(kind(DATA.x), DATA.y, DATA.task)
    program = MultiTaskModel(Pooled(), Gaussian()).program(data)
    known = MultiTaskModel(Pooled(), Gaussian()).program(DATA)
    np.testing.assert_array_equal(program.scaling.x_mean, known.scaling.x_mean)
    assert torch.equal(gram(data, program.scaling).xx, gram(DATA, known.scaling).xx)
    train, test = data.split(seed=1)
    expected = DATA.split(seed=1)
    np.testing.assert_array_equal(train.x[train.row], expected[0].x)
    np.testing.assert_array_equal(test.x[test.row], expected[1].x)


@pytest.mark.parametrize("batch_size", [None, 7])
def test_fits_are_those_of_the_array(batch_size: int | None) -> None:
    data = TaskData.from_arrays(Counted(DATA.x), DATA.y, DATA.task)
    model = MultiTaskModel(Hierarchical(), Gaussian())
    svi = SVI(steps=20, draws=10, batch_size=batch_size, progress=False)
    for inference in (svi, Collapsed(draws=10)):
        one, other = inference.run(model, data), inference.run(model, DATA)
        assert one.record.losses.tolist() == other.record.losses.tolist()
        assert all(torch.equal(value, other.draws[site]) for site, value in one.draws.items())


def test_a_step_asks_for_its_batch_only() -> None:
    source = Counted(np.random.default_rng(0).normal(size=(4000, 2)))
    data = TaskData.from_arrays(source, source.x.sum(1), np.arange(4000) % 5)
    before: list[int] = []
    svi = SVI(
        steps=12,
        draws=2,
        batch_size=10,
        progress=False,
        on_step=lambda step, loss: before.append(source.read),
    )
    svi.run(MultiTaskModel(Pooled(), Gaussian()), data)
    # a step, and at most the batch that is read ahead before and after
    assert 10 * 10 <= before[-1] - before[0] <= 12 * 10


def test_a_resumed_fit_reads_on_where_it_was(tmp_path: Path) -> None:
    data = TaskData.from_arrays(Counted(DATA.x), DATA.y, DATA.task)
    model, path = MultiTaskModel(Hierarchical(), Gaussian()), str(tmp_path / "checkpoint")
    settings: dict[str, Any] = dict(draws=10, batch_size=7, progress=False, checkpoint_every=5)
    whole = SVI(steps=20, **settings).run(model, data)
    SVI(steps=11, checkpoint=path, **settings).run(model, data)
    rest = SVI(steps=20, checkpoint=path, **settings).run(model, data)
    assert rest.record.losses.tolist() == whole.record.losses.tolist()
    assert all(torch.equal(value, rest.draws[site]) for site, value in whole.draws.items())


def test_an_error_of_the_data_set_is_raised() -> None:
    data = TaskData.from_arrays(Counted(DATA.x, broken=True), DATA.y, DATA.task)
    with pytest.raises(OSError, match="the disk is gone"):
        SVI(steps=200, batch_size=7, progress=False).run(MultiTaskModel(Pooled(), Gaussian()), data)


class Endless(IterableDataset[Any]):
    """Of no known length."""

    def __iter__(self) -> Iterator[np.ndarray]:
        yield np.zeros(2)


RAGGED = np.array([np.zeros(2), np.zeros(3)], dtype=object)


@pytest.mark.parametrize(
    ("dataset", "error", "expected"),
    [
        (Endless(), InputTypeError, "a data set with a length"),
        (Counted(np.zeros((0, 2))), InputError, "at least one row"),
        (Counted(np.array(["a", "b"])), InputTypeError, "items that are rows of numbers"),
        (
            Counted(np.array([np.zeros(2), np.zeros(3)], dtype=object)),
            InputError,
            r"shape \(2,\), as the first",
        ),
        (Counted(np.array([[0.0, np.nan]])), InputError, "finite features"),
    ],
)
def test_data_sets_that_cannot_be_used(dataset: Any, error: type[Exception], expected: str) -> None:
    with pytest.raises(error, match=expected):
        TaskData.from_arrays(dataset, np.zeros(1), np.zeros(1))
