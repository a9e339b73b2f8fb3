"""Arrays larger than memory are read in parts."""

import tracemalloc
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from bayes_mtl._errors import InputError
from bayes_mtl.data import Minibatches, Scaling, TaskData, _arrays, gram

ROWS, WIDTH = 50_000, 64  # 25.6 MB of float64


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("maps") / "x.npy"
    x = np.lib.format.open_memmap(path, mode="w+", dtype=np.float64, shape=(ROWS, WIDTH))
    x[:] = np.random.default_rng(0).normal(size=(ROWS, WIDTH))
    x.flush()
    return path


def peak(work: Callable[[], object]) -> int:
    """Most bytes that numpy held at once during ``work``, a file's own pages apart."""
    tracemalloc.start()
    work()
    most = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return most


def test_no_step_holds_the_whole_array(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_arrays, "CHUNK", 1 << 14)
    task = np.repeat(np.arange(20), ROWS // 20)
    y, x = np.zeros(ROWS), np.load(file, mmap_mode="r")
    column = ROWS * 8
    made: list[TaskData] = []
    # Checking and sorting columns of observations holds about ten of them at once; x is 64 of them.
    assert peak(lambda: made.append(TaskData.from_arrays(x, y, task))) < 16 * column
    data = made[0]
    assert data.x is x
    scalings: list[Scaling] = []
    zeros, ones = np.zeros((20, 1)), np.ones((20, 1))
    assert peak(lambda: scalings.append(Scaling.fit(data, zeros, ones))) < 16 * column
    scaling = scalings[0]
    np.testing.assert_allclose(scaling.x_mean, x.mean(0), atol=1e-12)  # float64 sums in another order
    assert peak(lambda: gram(data, scaling)) < 16 * column
    stream = Minibatches(data, scaling, size=64)
    # torch holds its permutation outside of tracemalloc; numpy only some copies of 64 rows, 32 kB each, and
    # older versions of the checker of types some 0.4 MB
    assert peak(stream.next) < 2 * column
    train, test = data.split(by="rows")
    assert train.x is x and test.x is x


def test_only_the_rows_of_the_batch_are_read(file: Path) -> None:
    """A map that counts what is taken from it."""
    taken: list[int] = []

    class Watched(np.memmap):
        def __getitem__(self, key: object) -> np.ndarray:
            part = super().__getitem__(key)
            taken.append(np.size(part))
            return part

    x = np.load(file, mmap_mode="r").view(Watched)
    data = TaskData.from_arrays(x, np.zeros(ROWS), np.arange(ROWS) % 4)
    scaling = Scaling(
        np.zeros(WIDTH), np.ones(WIDTH), np.zeros((4, 1)), np.ones((4, 1)), np.zeros(0), np.zeros(0)
    )
    stream = Minibatches(data, scaling, size=32)
    taken.clear()
    for _ in range(3):
        stream.next()
    assert taken == [32 * WIDTH] * 3


def test_features_shared_by_all_tasks_must_be_last(file: Path) -> None:
    x = np.load(file, mmap_mode="r")
    TaskData.from_arrays(x, np.zeros(ROWS), np.arange(ROWS) % 4, varying=["x0", "x1"])
    with pytest.raises(InputError, match="fixed features are its last columns"):
        TaskData.from_arrays(x, np.zeros(ROWS), np.arange(ROWS) % 4, varying=["x7"])


def test_a_missing_value_is_found_where_it_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_arrays, "CHUNK", 64)
    x = np.zeros((100, 2), dtype=np.float32)
    x[71, 1] = np.nan
    np.save(tmp_path / "x.npy", x)
    with pytest.raises(InputError, match=r"feature 'x1', 1 of them \(rows 71\)"):
        TaskData.from_arrays(np.load(tmp_path / "x.npy", mmap_mode="r"), np.zeros(100), np.arange(100) % 2)
