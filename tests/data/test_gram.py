"""Sufficient statistics against plain loops."""

from pathlib import Path

import numpy as np
import pytest
import torch

from bayes_mtl._errors import InputError, UnsupportedError
from bayes_mtl.data import Scaling, Statistics, TaskData, _arrays, gram


def loop(
    data: TaskData, scaling: Scaling, response: np.ndarray | None, precision: np.ndarray | None
) -> Statistics:
    """The definition, one observation after the other."""
    tasks, width = len(data.schema.tasks), data.x.shape[-1] + data.schema.intercept
    xx, xy = np.zeros((tasks, width, width)), np.zeros((tasks, width))
    yy, n, logs = np.zeros(tasks), np.zeros(tasks), np.zeros(tasks)
    for i, task in enumerate(data.task):
        x = data.x[data.row[i]] if data.step is None else data.x[data.row[i], data.step[i]]
        a = (x - scaling.x_mean) / scaling.x_sd
        a = np.concatenate([[1.0], a]) if data.schema.intercept else a
        offset = 0.0 if data.offset is None else data.offset[i]
        shift, spread = scaling.shift[task, 0], scaling.spread[task, 0]
        r = (data.y[i] - offset - shift) / spread if response is None else response[i]
        w = 1.0 if data.weight is None else data.weight[i]
        known = 1.0 if data.noise is None else (spread / data.noise[i]) ** 2
        p = w * known if precision is None else precision[i]
        xx[task] += p * np.outer(a, a)
        xy[task] += p * a * r
        yy[task] += p * r**2
        n[task] += w
        logs[task] += w * np.log(p / w) if w > 0 else 0.0
    return Statistics(*(torch.from_numpy(part) for part in (xx, xy, yy, n, logs)))


def make(**more: object) -> TaskData:
    rng = np.random.default_rng(0)
    task = rng.integers(0, 4, 60)
    return TaskData.from_arrays(rng.normal(5, 2, (60, 3)), rng.normal(9, 3, 60), task, **more)


RNG = np.random.default_rng(1)
CASES: dict[str, dict[str, object]] = {
    "plain": {},
    "no intercept": {"intercept": False},
    "fixed": {"varying": ["x1"]},
    "offset": {"offset": RNG.normal(size=60)},
    "weight": {"weight": RNG.integers(0, 3, 60)},
    "noise": {"noise": RNG.uniform(1, 2, 60)},
    "all": {"weight": RNG.uniform(0, 3, 60), "noise": RNG.uniform(1, 2, 60), "offset": RNG.normal(size=60)},
    "shared rows": {"row": RNG.integers(0, 60, 60)},
}


def assert_same(got: Statistics, expected: Statistics) -> None:
    for name in ("xx", "xy", "yy", "n", "log_precision"):
        # float64 sums of at most 60 terms, in another order
        torch.testing.assert_close(getattr(got, name), getattr(expected, name), rtol=1e-11, atol=1e-10)


@pytest.mark.parametrize("chunk", [9, 1 << 22])
@pytest.mark.parametrize("case", CASES)
def test_sums_are_those_of_a_loop(case: str, chunk: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_arrays, "CHUNK", chunk)
    data = make(**CASES[case])
    spread = RNG.uniform(1, 3, (len(data.schema.tasks), 1))
    scaling = Scaling.fit(data, 9 * np.ones_like(spread), spread)
    assert_same(gram(data, scaling), loop(data, scaling, None, None))


def test_response_and_precision_can_be_given() -> None:
    data = make(weight=RNG.uniform(0.5, 2, 60))
    scaling = Scaling.fit(data, np.full((4, 1), 9.0), np.full((4, 1), 3.0))
    response, precision = RNG.normal(size=60), RNG.uniform(1, 2, 60)
    assert_same(gram(data, scaling, response, precision), loop(data, scaling, response, precision))


def test_steps_of_sequences() -> None:
    rng = np.random.default_rng(2)
    data = TaskData.from_arrays(
        rng.normal(size=(7, 5, 2)), rng.normal(size=30), np.arange(30) % 3, row=rng.integers(0, 7, 30),
        step=rng.integers(0, 5, 30),
    )  # fmt: skip
    scaling = Scaling.fit(data, np.zeros((3, 1)), np.ones((3, 1)))
    assert_same(gram(data, scaling), loop(data, scaling, None, None))


def test_whole_sequences_need_a_network() -> None:
    data = TaskData.from_arrays(np.zeros((4, 3, 2)), np.zeros(4), list("aabb"))
    with pytest.raises(UnsupportedError, match="Use a network"):
        gram(data, Scaling.fit(data, np.zeros((2, 1)), np.ones((2, 1))))


def test_rows_of_a_memory_map_in_any_order(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    x, y, task = rng.normal(size=(60, 3)), rng.normal(size=60), rng.integers(0, 4, 60)
    np.save(tmp_path / "x.npy", x)
    mapped = TaskData.from_arrays(np.load(tmp_path / "x.npy", mmap_mode="r"), y, task)
    plain = TaskData.from_arrays(x, y, task)
    zeros, ones = np.zeros((4, 1)), np.ones((4, 1))
    assert_same(gram(mapped, Scaling.fit(mapped, zeros, ones)), gram(plain, Scaling.fit(plain, zeros, ones)))


def test_a_task_without_observations_has_zeros() -> None:
    data = make()
    scaling = Scaling.fit(data, np.zeros((4, 1)), np.ones((4, 1)))
    statistics = gram(data.subset(data.task != 2), scaling)
    assert statistics.n[2] == 0 and not statistics.xx[2].any() and not statistics.xy[2].any()
    assert statistics.tasks == 4 and statistics.weights == 4
    small = statistics.to("cpu", torch.float32)
    assert small.xx.dtype == small.n.dtype == torch.float32


@pytest.mark.parametrize(
    ("response", "precision", "text"),
    [
        (np.zeros(3), None, "response: expected 60 values"),
        (None, -np.ones(60), "precision: expected at least 0"),
        (None, np.full(60, np.nan), "precision: expected finite numbers"),
    ],
)
def test_bad_columns(response: np.ndarray | None, precision: np.ndarray | None, text: str) -> None:
    data = make()
    with pytest.raises(InputError, match=text):
        gram(data, Scaling.fit(data, np.zeros((4, 1)), np.ones((4, 1))), response, precision)


def test_no_array_of_tasks_times_observations() -> None:
    """5,000 tasks of 2 observations: 10,000 x 5,000 numbers would take 400 MB."""
    import tracemalloc

    rng = np.random.default_rng(0)
    task = np.repeat(np.arange(5_000), 2)
    data = TaskData.from_arrays(rng.normal(size=(10_000, 3)), rng.normal(size=10_000), task)
    scaling = Scaling.fit(data, np.zeros((5_000, 1)), np.ones((5_000, 1)))
    tracemalloc.start()
    gram(data, scaling)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    # 5,000 x (16 + 4 + 3) sums and some columns of 10,000 are 1 + 2 MB
    assert peak < 10e6
