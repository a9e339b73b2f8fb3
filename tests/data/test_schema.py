"""Names and encoding, apart from formulas."""

import json

import numpy as np
import pandas as pd
import pytest

from bayes_mtl._errors import FileError, InputError
from bayes_mtl.data import Schema, TaskData


def test_arrays_are_encoded_in_their_original_order() -> None:
    x = np.arange(12.0).reshape(4, 3)
    data = TaskData.from_arrays(x, np.arange(4.0), list("aabb"), varying=["x2", "x0"])
    schema = Schema.from_dict(json.loads(json.dumps(data.schema.to_dict())))
    assert schema == data.schema
    assert schema.columns == ("x0", "x2", "x1")
    np.testing.assert_array_equal(schema.encode(x), data.x)
    np.testing.assert_array_equal(schema.encode(pd.DataFrame(x, columns=["x0", "x1", "x2"])), data.x)
    np.testing.assert_array_equal(schema.encode(x.astype(np.float32)[:, None, :]), data.x[:, None, :])


def test_encoding_makes_a_copy() -> None:
    schema = Schema(tasks=("a",), features=("p",))
    rows = np.ones((2, 1))
    schema.encode(rows)[:] = 5.0
    np.testing.assert_array_equal(rows, 1.0)


@pytest.mark.parametrize(
    "labels",
    [["2", "10", "2"], [2, 10, 2], [2.0, 10.0, 2.0], np.array([2, 10, 2]), pd.Series([2.0, 10.0, 2.0]),
     pd.Categorical(["2", "10", "2"])],
)  # fmt: skip
def test_tasks_are_found_by_any_form_of_their_label(labels: object) -> None:
    schema = Schema(tasks=("2", "10"), features=("p",))
    np.testing.assert_array_equal(schema.encode_tasks(labels), [0, 1, 0])


DAYS = np.array(["2021-03-01", "2020-01-01", "2021-03-01"], dtype="datetime64[ns]")
DATES = [
    DAYS,
    DAYS.astype("datetime64[D]"),
    list(DAYS),
    pd.Series(DAYS),
    pd.DatetimeIndex(DAYS),
    list(pd.DatetimeIndex(DAYS)),
    DAYS.astype("datetime64[s]").tolist(),
    pd.Categorical(DAYS),
]


@pytest.mark.parametrize("given", DATES, ids=range(len(DATES)))
def test_dates_name_tasks_in_any_form(given: object) -> None:
    data = TaskData.from_arrays(np.arange(3.0)[:, None], np.zeros(3), given)
    assert data.schema.tasks == ("2020-01-01 00:00:00", "2021-03-01 00:00:00")
    for labels in DATES:
        np.testing.assert_array_equal(data.schema.encode_tasks(labels), [1, 0, 1])
    assert data.schema.encode_tasks(DAYS[0]).tolist() == [1]
    spans = TaskData.from_arrays(np.arange(3.0)[:, None], np.zeros(3), DAYS - DAYS[1])
    assert spans.schema.tasks == ("0 days 00:00:00", "425 days 00:00:00")
    np.testing.assert_array_equal(spans.schema.encode_tasks(pd.Series(DAYS - DAYS[1])), [1, 0, 1])


def test_one_task_alone() -> None:
    schema = Schema(tasks=("2", "10"), features=("p",))
    np.testing.assert_array_equal(schema.encode_tasks("10"), [1])
    np.testing.assert_array_equal(schema.encode_tasks(2), [0])


def test_an_unknown_task_reads_like_the_house_style() -> None:
    with pytest.raises(InputError) as caught:
        Schema(tasks=("A", "B"), features=("p",)).encode_tasks(["A", "C"])
    assert str(caught.value) == (
        "Task 'C' was not in the data this model was fitted on (fitted: 'A', 'B'). Name fitted tasks."
    )


def test_many_tasks_are_shortened_and_a_near_one_suggested() -> None:
    schema = Schema(tasks=tuple(f"school{i}" for i in range(100)), features=("p",))
    with pytest.raises(InputError) as caught:
        schema.encode_tasks(["School7"])
    text = str(caught.value)
    assert "'school4', ... (100 in all)" in text
    assert "Did you mean 'school" in text
    assert len(text) < 300


def test_everything_survives_json() -> None:
    schema = Schema(
        tasks=("a", "b"), features=("p", "q"), fixed=("r",), intercept=False, groups=("g", "h"),
        task_features=("size",), classes=("no", "yes"), target="passed", ordered=False,
    )  # fmt: skip
    assert Schema.from_dict(json.loads(json.dumps(schema.to_dict()))) == schema


def test_a_column_may_be_the_intercept_where_none_is_added() -> None:
    names = ["Intercept", "p"]
    data = TaskData.from_arrays(
        np.ones((4, 2)), np.zeros(4), list("aabb"), feature_names=names, intercept=False
    )
    assert data.schema.weights == ("Intercept", "p")
    older = Schema(tasks=("a",), features=("Intercept",)).to_dict()
    assert Schema.from_dict(older).weights == ("Intercept", "Intercept")  # files of before are read


def test_schemas_of_older_files_do_not_say_whether_classes_have_an_order() -> None:
    schema = Schema(tasks=("a", "b"), features=("p",), classes=("no", "yes"))
    written = schema.to_dict()
    del written["ordered"]
    assert Schema.from_dict(written) == schema


@pytest.mark.parametrize(
    "change",
    [
        {"tasks": 3},
        {"tasks": [1, 2]},
        {"intercept": "yes"},
        {"target": 5},
        {"encoder": [1]},
        {"encoder": {}},
        {"ordered": 1},
    ],
)
def test_damaged_schemas_are_refused(change: dict[str, object], unchecked: None) -> None:
    written = Schema(tasks=("a",), features=("p",)).to_dict() | change
    with pytest.raises(FileError):
        Schema.from_dict(written)


@pytest.mark.parametrize(
    "lost", ["tasks", "features", "fixed", "groups", "task_features", "classes", "target"]
)
def test_incomplete_schemas_are_refused(lost: str) -> None:
    written = Schema(tasks=("a",), features=("p",)).to_dict()
    del written[lost]
    with pytest.raises(FileError):
        Schema.from_dict(written)
