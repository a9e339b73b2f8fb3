"""Centres and scales."""

import json

import numpy as np
import pytest

from bayes_mtl import MultiTaskModel
from bayes_mtl._errors import FileError, InputError
from bayes_mtl.data import Scaling, TaskData, _arrays
from bayes_mtl.likelihoods import Gaussian
from bayes_mtl.priors import Pooled


def make(intercept: bool = True, **more: object) -> TaskData:
    rng = np.random.default_rng(0)
    x = rng.normal([3.0, -200.0, 7.0], [2.0, 0.5, 0.0], size=(90, 3))
    return TaskData.from_arrays(x, rng.normal(50, 4, 90), np.arange(90) % 3, intercept=intercept, **more)


def ones(data: TaskData, value: float) -> np.ndarray:
    return np.full((len(data.schema.tasks), 1), value)


@pytest.mark.parametrize("chunk", [7, 1 << 22])
def test_moments_do_not_depend_on_chunks(chunk: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_arrays, "CHUNK", chunk)
    data = make()
    scaling = Scaling.fit(data, ones(data, 50), ones(data, 4))
    # float64 sums of 90 numbers
    np.testing.assert_allclose(scaling.x_mean, data.x.mean(0), rtol=1e-13)
    np.testing.assert_allclose(scaling.x_sd[:2], data.x.std(0)[:2], rtol=1e-12)
    assert scaling.x_sd[2] == 1.0  # a constant is only centred
    np.testing.assert_array_equal(scaling.shift, ones(data, 50))


def test_large_means_do_not_cancel() -> None:
    x = 1e9 + np.arange(8.0)[:, None]
    data = TaskData.from_arrays(x, np.zeros(8), np.arange(8) % 2)
    scaling = Scaling.fit(data, ones(data, 0), ones(data, 1))
    np.testing.assert_allclose(scaling.x_sd, np.arange(8.0).std(), rtol=1e-9)  # 1e-16 * 1e9 / sd


def test_without_an_intercept_features_are_only_scaled() -> None:
    data = make(intercept=False)
    scaling = Scaling.fit(data, ones(data, 0), ones(data, 4))
    np.testing.assert_array_equal(scaling.x_mean, 0)
    np.testing.assert_allclose(scaling.x_sd[:2], data.x.std(0)[:2], rtol=1e-12)


def test_nothing_is_scaled_on_request() -> None:
    data = make(task_features=np.array([[1.0], [2.0], [4.0]]))
    scaling = Scaling.fit(data, ones(data, 50), ones(data, 4), standardize=False)
    for got, value in ((scaling.x_mean, 0), (scaling.x_sd, 1), (scaling.shift, 0), (scaling.spread, 1)):
        np.testing.assert_array_equal(got, value)
    np.testing.assert_array_equal(scaling.task_mean, [0.0])
    np.testing.assert_array_equal(scaling.task_sd, [1.0])


def test_task_features_are_scaled_over_tasks() -> None:
    features = np.array([[1.0, 5.0], [2.0, 5.0], [6.0, 5.0]])
    scaling = Scaling.fit(make(task_features=features), np.zeros((3, 1)), np.ones((3, 1)))
    np.testing.assert_allclose(scaling.task_mean, features.mean(0))
    np.testing.assert_allclose(scaling.task_sd, [features[:, 0].std(), 1.0])


def test_rounding_is_not_blown_up() -> None:
    x = np.where(np.arange(90) % 2, 0.3, 0.1 + 0.2)[:, None]
    data = TaskData.from_arrays(x, np.zeros(90), np.arange(90) % 3, task_features=x[:3])
    scaling = Scaling.fit(data, np.zeros((3, 1)), np.ones((3, 1)))
    assert scaling.x_sd.tolist() == scaling.task_sd.tolist() == [1.0]


def test_rows_without_an_observation_do_not_count() -> None:
    x = np.array([[1.0], [3.0], [1e6]])
    data = TaskData.from_arrays(x, np.zeros(3), ["a", "a", "b"], row=np.array([0, 1, 0]))
    np.testing.assert_allclose(Scaling.fit(data, np.zeros((2, 1)), np.ones((2, 1))).x_mean, [2.0])


def test_targets_that_float32_cannot_resolve() -> None:
    data = make()
    Scaling.fit(data, ones(data, 0.99e5), ones(data, 1))
    with pytest.raises(InputError, match=r"Subtract a constant near 101000 from y first"):
        Scaling.fit(data, ones(data, 1.01e5), ones(data, 1))
    Scaling.fit(data, ones(data, 1.01e5), ones(data, 1), standardize=False)


@pytest.mark.parametrize(
    ("shift", "spread", "text"),
    [
        (np.zeros(3), np.ones(3), "[3 tasks, outputs]"),
        (np.zeros((2, 1)), np.ones((2, 1)), "[3 tasks, outputs]"),
        (np.zeros((3, 1)), np.ones((3, 2)), "[3 tasks, outputs]"),
        (np.zeros((3, 1)), np.zeros((3, 1)), "are finite, and the spread above 0"),
        (np.full((3, 1), np.nan), np.ones((3, 1)), "are finite, and the spread above 0"),
    ],
)
def test_bad_locations(shift: np.ndarray, spread: np.ndarray, text: str) -> None:
    with pytest.raises(InputError) as caught:
        Scaling.fit(make(), shift, spread)
    assert text in str(caught.value)


def test_targets_beyond_what_can_be_squared_are_said_to_be_targets() -> None:
    x = np.arange(6.0)[:, None]
    data = TaskData.from_arrays(x, x[:, 0] * 1e200, np.arange(6) % 2)
    with pytest.raises(InputError, match=r"^y: expected targets whose mean and spread are finite"):
        MultiTaskModel(Pooled(), Gaussian()).program(data)


def test_json_keeps_every_bit() -> None:
    data = make(task_features=np.array([[1.0], [2.0], [4.0]]))
    scaling = Scaling.fit(data, ones(data, 1 / 3), ones(data, 0.1))
    again = Scaling.from_dict(json.loads(json.dumps(scaling.to_dict())))
    for name in ("x_mean", "x_sd", "shift", "spread", "task_mean", "task_sd"):
        np.testing.assert_array_equal(getattr(again, name), getattr(scaling, name))
        assert getattr(again, name).dtype == np.float64
    empty = Scaling.fit(
        TaskData.from_arrays(np.zeros((2, 0)), [1.0, 2.0], [0, 1]), np.zeros((2, 1)), np.ones((2, 1))
    )
    assert Scaling.from_dict(empty.to_dict()).x_mean.shape == (0,)


@pytest.mark.parametrize(
    "change", [{"x_mean": "a"}, {"shape": [9, 9]}, {"shape": None}, {"shift": [[1], [2, 3]]}]
)
def test_damaged_scalings_are_refused(change: dict[str, object]) -> None:
    data = make()
    with pytest.raises(FileError):
        Scaling.from_dict(Scaling.fit(data, ones(data, 0), ones(data, 1)).to_dict() | change)
