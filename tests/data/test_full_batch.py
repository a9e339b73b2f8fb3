"""All observations as tensors."""

import numpy as np
import pytest
import torch

from bayes_mtl.data import Scaling, TaskData, full_batch


def columns(size: int) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(3)
    return {
        "noise": rng.uniform(1, 2, size),
        "offset": rng.normal(size=size),
        "trials": np.full(size, 5),
        "weight": rng.uniform(0, 2, size),
        "censored": rng.random(size) < 0.5,
    }


def scale(data: TaskData) -> Scaling:
    tasks = len(data.schema.tasks)
    return Scaling.fit(data, np.arange(tasks)[:, None] + 0.5, np.full((tasks, 1), 2.0))


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_everything_arrives_standardised(dtype: torch.dtype) -> None:
    rng = np.random.default_rng(0)
    x = rng.normal([1e4, 2.0, 3.0], [1.0, 4.0, 9.0], size=(30, 3))
    data = TaskData.from_arrays(
        x, rng.integers(0, 5, 30), np.arange(30) % 3, varying=["x1", "x2"],
        task_features=np.array([[1.0], [2.0], [6.0]]), **columns(30),
    )  # fmt: skip
    scaling = scale(data)
    batch = full_batch(data, scaling, dtype=dtype)
    assert batch.row is None and batch.step is None and batch.intercept
    expected = (data.x - data.x.mean(0)) / data.x.std(0)
    tolerance = 1e-6 if dtype == torch.float32 else 1e-10  # a few units in the last place near 3
    np.testing.assert_allclose(batch.x, expected[:, :2], atol=tolerance)
    np.testing.assert_allclose(batch.fixed, expected[:, 2:], atol=tolerance)
    for name in ("y", "noise", "offset", "trials"):
        np.testing.assert_allclose(getattr(batch, name), getattr(data, name), rtol=1e-6)
        assert getattr(batch, name).dtype == dtype
    np.testing.assert_allclose(batch.scale, data.weight, rtol=1e-6)
    np.testing.assert_array_equal(batch.censored, data.censored)
    assert batch.censored is not None and batch.censored.dtype == torch.bool
    assert batch.task.dtype == torch.int64
    np.testing.assert_array_equal(batch.shift, scaling.shift)
    sizes = np.array([1.0, 2.0, 6.0])
    np.testing.assert_allclose(batch.task_features[:, 0], (sizes - 3) / sizes.std(), rtol=1e-6)


def test_shared_rows_stay_shared() -> None:
    table = np.array([[1.0, 2.0], [np.nan, 3.0]])
    data = TaskData.from_outputs(np.array([[1.0], [3.0]]), table)
    batch = full_batch(data, scale(data))
    np.testing.assert_allclose(batch.x, [[-1.0], [1.0]])
    np.testing.assert_array_equal(batch.row, [0, 0, 1])
    picked = batch.select(torch.tensor([2, 0]))
    np.testing.assert_allclose(picked.x, [[1.0], [-1.0]])
    assert picked.row is None
    np.testing.assert_array_equal(picked.y, [3.0, 1.0])


def test_sequences_keep_their_steps() -> None:
    x = np.arange(12.0).reshape(2, 3, 2)
    data = TaskData.from_arrays(x, [1.0, 2.0], ["a", "b"], step=np.array([2, 0]), varying=["x0"])
    batch = full_batch(data, scale(data))
    assert batch.x.shape == (2, 3, 1) and batch.fixed is not None and batch.fixed.shape == (2, 3, 1)
    np.testing.assert_array_equal(batch.step, [2, 0])


def test_changing_a_batch_leaves_the_data_alone() -> None:
    data = TaskData.from_arrays(np.zeros((4, 1)), np.arange(4.0), list("aabb"), weight=np.ones(4))
    batch = full_batch(data, scale(data), dtype=torch.float64)
    for tensor in (batch.x, batch.y, batch.scale, batch.task):
        assert tensor is not None
        tensor.fill_(9)
    np.testing.assert_array_equal(data.y, np.arange(4.0))
    np.testing.assert_array_equal(data.x, 0)
    np.testing.assert_array_equal(data.weight, 1)
    np.testing.assert_array_equal(data.task, [0, 0, 1, 1])


def test_a_batch_of_integers_moves_without_changing_its_type() -> None:
    data = TaskData.from_arrays(np.zeros((4, 1)), np.arange(4.0), list("aabb"))
    moved = full_batch(data, scale(data)).to("cpu", torch.float16)
    assert moved.task.dtype == torch.int64 and moved.x.dtype == torch.float16
