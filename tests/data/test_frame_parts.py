"""Long tables as TaskData."""

import numpy as np
import pandas as pd
import pytest

from bayes_mtl.data import TaskData


def table(rows: int = 30) -> pd.DataFrame:
    rng = np.random.default_rng(0)
    school = rng.permutation(np.arange(rows) % 3)
    return pd.DataFrame(
        {
            "school": np.array(["north", "south", "east"])[school],
            "score": rng.normal(size=rows),
            "intake": rng.normal(size=rows),
            "girl": rng.random(rows) < 0.5,
            "size": np.array([100, 200, 300])[school],
            "sd": rng.uniform(1, 2, rows),
        },
        index=[f"pupil{i}" for i in range(rows)],
    )


def test_columns_by_name() -> None:
    frame = table()
    before = frame.copy()
    data = TaskData.from_frame(
        frame, y="score", task="school", x=["intake", "girl"], noise="sd", task_features=["size"]
    )
    assert data.schema.tasks == ("east", "north", "south")
    assert data.schema.features == ("intake", "girl")
    assert data.schema.target == "score"
    again = frame.loc[data.index]
    np.testing.assert_array_equal(data.x, again[["intake", "girl"]].to_numpy(np.float64))
    np.testing.assert_array_equal(data.y, again["score"])
    np.testing.assert_array_equal(data.noise, again["sd"])
    np.testing.assert_array_equal(np.array(data.schema.tasks)[data.task], again["school"])
    np.testing.assert_array_equal(data.task_features, [[300.0], [100.0], [200.0]])
    pd.testing.assert_frame_equal(frame, before)


def test_intercept_alone() -> None:
    data = TaskData.from_frame(table(), y="score", task="school", x=[])
    assert data.x.shape == (30, 0)
    assert data.schema.weights == ("Intercept",)
    assert TaskData.from_frame(table(), formula="score ~ 1", task="school").x.shape == (30, 0)


def test_nullable_columns_without_missing_values_are_plain_numbers() -> None:
    frame = table().assign(
        intake=lambda f: f["intake"].astype("Float64"), girl=lambda f: f["girl"].astype("boolean")
    )
    plain = TaskData.from_frame(table(), y="score", task="school", x=["intake", "girl"])
    data = TaskData.from_frame(frame, y="score", task="school", x=["intake", "girl"])
    np.testing.assert_array_equal(data.x, plain.x)
    formula = TaskData.from_frame(frame, formula="score ~ intake + girl", task="school")
    np.testing.assert_array_equal(formula.x[:, 0], plain.x[:, 0])


def test_columns_named_by_numbers() -> None:
    frame = pd.DataFrame(np.arange(12.0).reshape(4, 3)).assign(task=list("aabb"))
    data = TaskData.from_frame(frame, y="2", task="task", x=["0", "1"])
    assert data.schema.features == ("0", "1")
    np.testing.assert_array_equal(data.schema.encode(frame), frame[[0, 1]].to_numpy())


def test_a_mapping_of_columns_is_a_table() -> None:
    data = TaskData.from_frame({"y": [1.0, 2.0], "t": ["a", "b"], "x": [3, 4]}, y="y", task="t", x=["x"])
    np.testing.assert_array_equal(data.x, [[3.0], [4.0]])


def test_formula_decides_intercept_and_target() -> None:
    data = TaskData.from_frame(table(), formula="score ~ intake - 1", task="school")
    assert not data.schema.intercept
    right = TaskData.from_frame(table(), y="score", formula="intake", task="school")
    assert right.schema.intercept and right.schema.target == "score"
    assert not TaskData.from_frame(
        table(), formula="score ~ intake", task="school", intercept=False
    ).schema.intercept


def test_terms_of_a_formula_stand_for_their_columns() -> None:
    data = TaskData.from_frame(
        table(),
        formula="score ~ intake + C(size) + girl",
        task="school",
        varying=["C(size)", "intake"],
        groups={"level": ["C(size)"], "rest": ["intake"]},
    )
    assert data.schema.features == ("intake", "C(size)[T.200]", "C(size)[T.300]")
    assert data.schema.fixed == ("girl",)
    assert data.schema.groups == ("rest", "level", "level")


@pytest.mark.parametrize("formula", [None, "score ~ intake + C(girl)"])
def test_new_tables_are_encoded_by_a_fitted_schema(formula: str | None) -> None:
    frame = table()
    made = {"formula": formula} if formula else {"y": "score", "x": ["girl", "intake"], "varying": ["intake"]}
    train = TaskData.from_frame(frame, task="school", **made)
    few = frame[frame["school"] != "south"].head(7)
    data = TaskData.from_frame(few, task="school", schema=train.schema, noise="sd")
    assert data.schema == train.schema
    np.testing.assert_array_equal(data.counts[2], 0)
    place = [list(train.index).index(label) for label in data.index]
    np.testing.assert_array_equal(data.x, train.x[place])
    np.testing.assert_array_equal(data.y, train.y[place])
    np.testing.assert_array_equal(data.task, train.task[place])
    np.testing.assert_array_equal(data.noise, few.loc[data.index, "sd"])


def test_new_tables_keep_the_classes() -> None:
    frame = table().assign(
        grade=lambda f: np.where(f["score"] > 0, "good", np.where(f["score"] > -1, "fair", "bad"))
    )
    train = TaskData.from_frame(frame, y="grade", task="school", x=["intake"])
    good = TaskData.from_frame(frame[frame["grade"] == "good"], task="school", schema=train.schema)
    assert (good.y == train.schema.classes.index("good")).all()
