"""Rows, observations and tasks, from arrays and from tables of outputs."""

from collections.abc import Sequence
from decimal import Decimal

import numpy as np
import pandas as pd
import pytest
import torch

from bayes_mtl.data import TaskData


def ragged(seed: int = 0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """20 rows of 3 features, targets, and labels of tasks in mixed order."""
    rng = np.random.default_rng(seed)
    task = np.array(["b", "a", "c", "a"] * 5)
    return rng.normal(size=(20, 3)), rng.normal(size=20), task


def test_observations_are_sorted_by_task_and_rows_come_along() -> None:
    x, y, task = ragged()
    data = TaskData.from_arrays(x, y, task)
    order = np.argsort(task, kind="stable")
    assert data.schema.tasks == ("a", "b", "c")
    np.testing.assert_array_equal(data.task, np.repeat([0, 1, 2], [10, 5, 5]))
    np.testing.assert_array_equal(data.y, y[order])
    np.testing.assert_array_equal(data.x, x[order])
    np.testing.assert_array_equal(data.row, np.arange(20))
    np.testing.assert_array_equal(data.index, order)
    np.testing.assert_array_equal(data.counts, [10, 5, 5])


def test_inputs_are_left_alone_and_not_shared() -> None:
    x, y, task = ragged()
    kept = x.copy(), y.copy()
    weight = np.ones(20)
    data = TaskData.from_arrays(x, y, np.sort(task), weight=weight)
    for inner in (data.x, data.y, data.weight):
        assert inner is not None
        inner[:] = -1.0
    np.testing.assert_array_equal(x, kept[0])
    np.testing.assert_array_equal(y, kept[1])
    np.testing.assert_array_equal(weight, np.ones(20))


def test_features_that_do_not_vary_come_last() -> None:
    x, y, task = ragged()
    data = TaskData.from_arrays(
        x, y, task, feature_names=["p", "q", "r"], varying=["r", "p"], groups={"g": ["p"], "r": "h"}
    )
    assert (data.schema.features, data.schema.fixed) == (("p", "r"), ("q",))
    assert data.schema.groups == ("g", "h")
    np.testing.assert_array_equal(data.x, x[np.argsort(task, kind="stable")][:, [0, 2, 1]])
    assert data.schema.weights == ("Intercept", "p", "r")


def test_only_the_intercept_varies() -> None:
    data = TaskData.from_arrays(*ragged(), varying=[])
    assert data.schema.features == ()
    assert data.schema.fixed == ("x0", "x1", "x2")
    assert data.schema.weights == ("Intercept",)


def test_tensors_frames_and_arrays_are_the_same_data() -> None:
    x, y, task = ragged()
    plain = TaskData.from_arrays(x, y, task)
    tensors = TaskData.from_arrays(torch.tensor(x), torch.tensor(y), task)
    frames = TaskData.from_arrays(pd.DataFrame(x, columns=["p", "q", "r"]), pd.Series(y, name="score"), task)
    np.testing.assert_array_equal(plain.x, tensors.x)
    np.testing.assert_array_equal(plain.y, tensors.y)
    np.testing.assert_array_equal(plain.x, frames.x)
    assert frames.schema.features == ("p", "q", "r")
    assert frames.schema.target == "score"


def test_float32_inputs_stay_small() -> None:
    x, y, task = ragged()
    assert TaskData.from_arrays(x.astype(np.float32), y, task).x.dtype == np.float32


def test_an_index_that_is_another_says_nothing_of_the_order() -> None:
    x, y = pd.DataFrame({"p": [1.0, 2.0, 3.0]}), pd.Series([4.0, 5.0, 6.0], index=[7, 3, 9])
    data = TaskData.from_arrays(x, y, pd.Series(list("abc"), index=[0, 0, 1]))
    assert data.y.tolist() == [4, 5, 6] and data.schema.tasks == ("a", "b", "c")


def test_frames_may_mix_booleans_and_numbers() -> None:
    frame = pd.get_dummies(pd.DataFrame({"p": [1.5, 2.5, 3.5], "n": [1, 2, 3], "c": list("uvu")}))
    assert {dtype.kind for dtype in frame.dtypes} == {"f", "i", "b"}
    tasks = frame.set_axis(["a", "b", "c"])
    data = TaskData.from_arrays(frame, np.zeros(3), list("abc"), task_features=tasks)
    expected = [[1.5, 1, 1, 0], [2.5, 2, 0, 1], [3.5, 3, 1, 0]]
    assert data.x.tolist() == data.task_features.tolist() == expected
    assert data.schema.encode(frame.iloc[:0]).shape == (0, 4)
    known = TaskData.from_outputs(frame, frame[["p", "c_u"]])
    assert known.y.tolist() == [1.5, 2.5, 3.5, 1, 0, 1]
    column = {"y": "y", "x": ["p", "c_u"], "task": "task", "task_features": ["n", "c_v"]}
    table = TaskData.from_frame(frame.assign(y=0.0, task=list("abc")), **column)
    assert table.x.tolist() == [[1.5, 1], [2.5, 0], [3.5, 1]]
    assert table.task_features.tolist() == [[1, 0], [2, 1], [3, 0]]


def test_labels_have_a_stable_order() -> None:
    x, y, _ = ragged()
    numbers = TaskData.from_arrays(x, y, np.array([10, 9, 2, 10] * 5))
    assert numbers.schema.tasks == ("2", "9", "10")
    ordered = pd.Categorical(["low", "high", "mid", "low"] * 5, categories=["low", "mid", "high"])
    assert TaskData.from_arrays(x, y, ordered).schema.tasks == ("low", "mid", "high")
    positions = TaskData.from_arrays(x, y, np.array([1, 0, 2, 0] * 5), task_names=["z", "y", "x"])
    assert positions.schema.tasks == ("z", "y", "x")
    named = TaskData.from_arrays(x, y, ["y", "z", "x", "z"] * 5, task_names=["z", "y", "x"])
    np.testing.assert_array_equal(named.task, positions.task)


@pytest.mark.parametrize(
    ("y", "classes", "codes"),
    [
        ([True, False, True], ("False", "True"), [1, 0, 1]),
        (np.array([True, False, True]), ("False", "True"), [1, 0, 1]),
        (["no", "yes", "maybe"], ("maybe", "no", "yes"), [1, 2, 0]),
        (pd.Series(["no", "yes", "no"]), ("no", "yes"), [0, 1, 0]),
        (pd.Series([True, False, True], dtype="boolean"), ("False", "True"), [1, 0, 1]),
        (pd.Categorical(["low", "high", "low"], ["low", "mid", "high"]), ("low", "mid", "high"), [0, 2, 0]),
        (pd.Series([2, 5, 2], dtype="category"), ("2", "5"), [0, 1, 0]),
        (pd.Series([1, 2, 3], dtype="Int64"), (), [1, 2, 3]),
        (pd.Series([1, 2.5, 3], dtype=object), (), [1, 2.5, 3]),
        ([Decimal("1.5"), Decimal("2"), Decimal("3")], (), [1.5, 2, 3]),
        ([np.int64(1), np.int64(2), np.int64(3)], (), [1, 2, 3]),
        (torch.tensor([True, False, True]), ("False", "True"), [1, 0, 1]),
        ([1, 2, 3], (), [1, 2, 3]),
    ],
)
def test_targets_are_numbers_or_classes(y: object, classes: tuple[str, ...], codes: list[float]) -> None:
    data = TaskData.from_arrays(np.zeros((3, 1)), y, ["a", "a", "b"])
    assert data.schema.classes == classes
    np.testing.assert_array_equal(data.y, codes)


@pytest.mark.parametrize("labels", [range(65), [str(i / 7) for i in range(65)]])
def test_categories_of_numbers_are_classes_however_many(labels: Sequence[object]) -> None:
    y = pd.Series(list(labels)).astype("category")
    data = TaskData.from_arrays(np.zeros((65, 1)), y, np.arange(65) % 2)
    assert len(data.schema.classes) == 65


def test_shared_rows_are_stored_once() -> None:
    x = np.arange(6.0).reshape(3, 2)
    data = TaskData.from_arrays(x, [1.0, 2.0, 3.0, 4.0], ["b", "a", "a", "b"], row=np.array([0, 2, 0, 2]))
    np.testing.assert_array_equal(data.x, x[[0, 2]])  # row 1 has no observation
    np.testing.assert_array_equal(data.row, [1, 0, 0, 1])
    np.testing.assert_array_equal(data.x[data.row], x[[2, 0, 0, 2]])
    np.testing.assert_array_equal(data.index, [1, 2, 0, 3])


def test_steps_of_sequences() -> None:
    x = np.arange(12.0).reshape(2, 3, 2)
    data = TaskData.from_arrays(
        x, [1.0, 2.0, 3.0], ["b", "a", "a"], row=np.array([0, 0, 1]), step=np.array([2, 0, 1])
    )
    assert data.step is not None
    np.testing.assert_array_equal(data.x[data.row, data.step], [x[0, 0], x[1, 1], x[0, 2]])


def test_tables_of_outputs_leave_out_missing_labels() -> None:
    x = np.arange(8.0).reshape(4, 2)
    table = np.array([[1.0, np.nan], [np.nan, 2.0], [3.0, 4.0], [np.nan, np.nan]])
    data = TaskData.from_outputs(x, table, task_names=["u", "v"])
    assert data.schema.tasks == ("u", "v")
    np.testing.assert_array_equal(data.x, x[:3])
    np.testing.assert_array_equal(data.task, [0, 0, 1, 1])
    np.testing.assert_array_equal(data.row, [0, 2, 1, 2])
    np.testing.assert_array_equal(data.y, [1, 3, 2, 4])
    np.testing.assert_array_equal(data.index, [0, 2, 1, 2])


def test_tables_of_outputs_take_names_from_frames() -> None:
    x = pd.DataFrame({"p": [1.0, 2.0]}, index=["i", "j"])
    data = TaskData.from_outputs(x, pd.DataFrame({"u": [1.0, 2.0], "v": [3, 4]}, index=["i", "j"]))
    assert data.schema.tasks == ("u", "v")
    assert data.schema.features == ("p",)


def test_task_features_follow_the_tasks() -> None:
    x, y, task = ragged()
    frame = pd.DataFrame({"size": [3.0, 1.0, 2.0, 9.0]}, index=["c", "a", "b", "unused"])
    data = TaskData.from_arrays(x, y, task, task_features=frame)
    assert data.schema.task_features == ("size",)
    np.testing.assert_array_equal(data.task_features, [[1.0], [2.0], [3.0]])
    array = TaskData.from_arrays(x, y, task, task_features=np.array([[1.0], [2.0], [3.0]]))
    np.testing.assert_array_equal(array.task_features, data.task_features)


def test_subset_by_mask_and_by_positions() -> None:
    x, y, task = ragged()
    data = TaskData.from_arrays(x, y, task, weight=np.arange(20.0))
    mask = data.y > 0
    chosen = data.subset(mask)
    for got, whole in ((chosen.y, data.y), (chosen.x, data.x), (chosen.weight, data.weight)):
        assert got is not None and whole is not None
        np.testing.assert_array_equal(got, whole[mask])
    backwards = data.subset(np.flatnonzero(mask)[::-1])
    np.testing.assert_array_equal(np.sort(backwards.y), np.sort(chosen.y))
    assert (np.diff(backwards.task) >= 0).all()
    np.testing.assert_array_equal(x[backwards.index], backwards.x[backwards.row])


@pytest.mark.parametrize("seed", range(5))
def test_split_by_rows_is_a_partition_that_keeps_every_task_in_training(seed: int) -> None:
    rng = np.random.default_rng(seed)
    task = np.repeat(np.arange(50), rng.integers(1, 9, 50))
    data = TaskData.from_arrays(rng.normal(size=(len(task), 2)), rng.normal(size=len(task)), task)
    train, test = data.split(test=0.3, seed=seed)
    np.testing.assert_array_equal(np.sort(np.r_[train.index, test.index]), np.arange(len(task)))
    assert train.counts.min() >= 1
    assert train.schema == test.schema == data.schema
    # Each task's quota is its share rounded up or down, less where one must stay.
    share = 0.3 * data.counts
    assert (test.counts <= np.ceil(share)).all()
    assert (test.counts >= np.minimum(np.floor(share), data.counts - 1)).all()
    np.testing.assert_array_equal(data.split(test=0.3, seed=seed)[1].index, test.index)
    assert not np.array_equal(data.split(test=0.3, seed=seed + 99)[1].index, test.index)


def test_split_by_rows_holds_out_every_observation_equally_often() -> None:
    task = np.repeat([0, 1], [4, 16])
    data = TaskData.from_arrays(np.zeros((20, 1)), np.arange(20.0), task)
    held = np.zeros(20)
    for seed in range(400):
        held[data.split(test=0.25, seed=seed)[1].index] += 1
    # 4 standard errors of a frequency near 0.25 over 400 splits: 4 sqrt(0.25 * 0.75 / 400)
    np.testing.assert_allclose(held / 400, 0.25, atol=0.087)


def test_split_of_a_tiny_table_holds_out_something() -> None:
    data = TaskData.from_arrays(np.zeros((4, 1)), np.arange(4.0), ["a", "b", "c", "c"])
    for seed in range(10):
        train, test = data.split(test=0.01, seed=seed)
        assert len(train) == 3 and test.schema.tasks[test.task[0]] == "c"


def test_split_by_tasks_gives_each_side_its_own() -> None:
    x, y, task = ragged()
    features = np.array([[1.0], [2.0], [3.0]])
    data = TaskData.from_arrays(x, y, task, task_features=features)
    train, test = data.split(test=0.34, by="tasks", seed=1)
    assert set(train.schema.tasks) | set(test.schema.tasks) == {"a", "b", "c"}
    assert len(test.schema.tasks) == 1
    for side in (train, test):
        assert side.counts.min() >= 1
        names = np.array(side.schema.tasks)[side.task]
        np.testing.assert_array_equal(names, task[side.index])
        known = ["abc".index(name) for name in side.schema.tasks]
        np.testing.assert_array_equal(side.task_features, features[known])


def test_splitting_leaves_the_callers_random_numbers_alone() -> None:
    data = TaskData.from_arrays(*ragged())
    before = np.random.get_state()[1].copy(), torch.get_rng_state()  # noqa: NPY002
    data.split()
    np.testing.assert_array_equal(before[0], np.random.get_state()[1])  # noqa: NPY002
    assert torch.equal(before[1], torch.get_rng_state())


def test_repr_is_a_short_summary() -> None:
    x, y, task = ragged()
    assert repr(TaskData.from_arrays(x, y, task, varying=["x0"])) == (
        "TaskData(3 tasks, 20 observations of 'y', 1 + 2 fixed features, per task min/median/max 5/5/10)"
    )
