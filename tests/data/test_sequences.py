"""Sequences and their targets: what becomes of them, and what is refused."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from bayes_mtl._errors import InputError, InputTypeError
from bayes_mtl.data import Schema, TaskData

NAN = np.nan
RAGGED = [np.arange(6.0).reshape(3, 2), 10 + np.arange(2.0).reshape(1, 2), 20 + np.arange(4.0).reshape(2, 2)]


def observations(data: TaskData) -> set[tuple[str, int, int, float]]:
    """Task, sequence as given, step and target of every observation."""
    assert data.step is not None
    names = [data.schema.tasks[t] for t in data.task]
    return set(zip(names, data.index.tolist(), data.step.tolist(), data.y.tolist(), strict=True))


def test_targets_of_every_kind_stand_where_they_belong() -> None:
    data = TaskData.from_sequences(
        RAGGED,
        per_sequence={"death": [1, 0, NAN], "phenotype": pd.DataFrame({"a": [0, 1, 1], "b": [NAN, 1, 0]})},
        at_step={"early": ([5.0, NAN, 6.0], 1)},
        per_step={"stay": [[3, 2, NAN], [7], [1, 0]]},
    )
    assert data.schema.tasks == ("death", "phenotype[a]", "phenotype[b]", "early", "stay")
    assert data.schema.task_groups == ("", "phenotype", "phenotype", "", "")
    assert observations(data) == {
        ("death", 0, 2, 1.0), ("death", 1, 0, 0.0),
        ("phenotype[a]", 0, 2, 0.0), ("phenotype[a]", 1, 0, 1.0), ("phenotype[a]", 2, 1, 1.0),
        ("phenotype[b]", 1, 0, 1.0), ("phenotype[b]", 2, 1, 0.0),
        ("early", 0, 1, 5.0), ("early", 2, 1, 6.0),
        ("stay", 0, 0, 3.0), ("stay", 0, 1, 2.0), ("stay", 1, 0, 7.0),
        ("stay", 2, 0, 1.0), ("stay", 2, 1, 0.0),
    }  # fmt: skip
    assert data.length is not None and data.length.tolist() == [3, 1, 2]
    np.testing.assert_array_equal(data.x[2], [[20, 21], [22, 23], [0, 0]])


def test_one_array_with_lengths_is_the_same_as_a_list() -> None:
    block = np.full((3, 3, 2), NAN)  # gaps behind the end are no gaps
    stay = np.full((3, 3), 99.0)  # nor are these targets
    for i, part in enumerate(RAGGED):
        block[i, : len(part)], stay[i, : len(part)] = part, part[:, 0]
    one = TaskData.from_sequences(block, lengths=[3, 1, 2], per_step={"stay": stay})
    other = TaskData.from_sequences(RAGGED, per_step={"stay": [part[:, 0] for part in RAGGED]})
    for name in ("x", "row", "step", "task", "y", "length", "index"):
        np.testing.assert_array_equal(getattr(one, name), getattr(other, name))
    assert one.schema == other.schema


def test_labels_per_step_and_their_names() -> None:
    values = np.arange(12.0).reshape(2, 3, 2)
    data = TaskData.from_sequences(
        np.zeros((2, 3, 1)), per_step={"alarm": values}, labels={"alarm": ["high", "low"]}
    )
    assert data.schema.tasks == ("alarm[high]", "alarm[low]")
    expected = {(f"alarm[{name}]", i, s, values[i, s, j]) for j, name in enumerate(["high", "low"])
                for i in range(2) for s in range(3)}  # fmt: skip
    assert observations(data) == expected


def test_gaps_are_carried_forward_and_marked() -> None:
    x = np.array(
        [[[NAN, 1.0], [4.0, NAN], [NAN, NAN], [6.0, 3.0]], [[2.0, NAN], [NAN, 5.0], [NAN, NAN], [NAN, NAN]]]
    )
    data = TaskData.from_sequences(
        x,
        lengths=[4, 2],
        per_sequence={"y": [1.0, 2.0]},
        static=[[50.0, NAN], [60.0, 7.0]],
        missing="mask",
        feature_names=["hr", "ph"],
        static_names=["age", "height"],
    )
    assert data.schema.features == (
        "hr", "ph", "age", "height", "measured[hr]", "measured[ph]", "measured[age]", "measured[height]",
        "since[hr]", "since[ph]",
    )  # fmt: skip
    assert data.schema.fill == (4.0, 3.0, 55.0, 7.0)  # means of what was measured
    first = [
        [4.0, 1.0, 50.0, 7.0, 0, 1, 1, 0, 1, 0],
        [4.0, 1.0, 50.0, 7.0, 1, 0, 1, 0, 0, 1],
        [4.0, 1.0, 50.0, 7.0, 0, 0, 1, 0, 1, 2],
        [6.0, 3.0, 50.0, 7.0, 1, 1, 1, 0, 0, 0],
    ]
    second = [[2.0, 3.0, 60.0, 7.0, 1, 0, 1, 1, 0, 1], [2.0, 5.0, 60.0, 7.0, 0, 1, 1, 1, 1, 0]]
    np.testing.assert_array_equal(data.x[0], first)
    np.testing.assert_array_equal(data.x[1], [*second, *np.zeros((2, 10))])


def test_new_sequences_are_filled_as_the_fitted_ones() -> None:
    train = TaskData.from_sequences(
        [[[1.0], [NAN]], [[3.0]]], per_sequence={"a": [0, 1], "b": [1, NAN]}, missing="mask", varying=["x0"]
    )
    new = TaskData.from_sequences(
        [[[NAN], [9.0], [NAN]]], per_sequence={"b": [1]}, missing="mask", schema=train.schema
    )
    assert new.schema == train.schema and new.counts.tolist() == [0, 1]
    np.testing.assert_array_equal(new.x[0], [[2, 0, 1], [9, 1, 0], [9, 0, 1]])
    assert Schema.from_dict(train.schema.to_dict()) == train.schema
    with pytest.raises(InputError, match="tasks of the schema"):
        TaskData.from_sequences([[[1.0]]], per_sequence={"c": [1]}, missing="mask", schema=train.schema)
    with pytest.raises(InputError, match="the features of the schema"):
        TaskData.from_sequences([[[1.0]]], per_sequence={"b": [1]}, schema=train.schema)
    with pytest.raises(InputError, match="of 1 raw features"):
        TaskData.from_sequences([[[1.0, 2.0]]], per_sequence={"b": [1]}, missing="mask", schema=train.schema)


def test_static_features_stand_at_every_step() -> None:
    frame = pd.DataFrame({"age": [1.0, 2.0, 3.0]})
    data = TaskData.from_sequences(RAGGED, per_sequence={"y": [0, 1, 2]}, static=frame, varying=["age"])
    assert data.schema.columns == ("age", "x0", "x1")
    np.testing.assert_array_equal(data.x[2, :2, 0], [3.0, 3.0])
    assert data.x[2, 2].tolist() == [0, 0, 0]


def test_a_memory_map_is_left_where_it_is(tmp_path: Path) -> None:
    np.save(tmp_path / "x.npy", np.zeros((4, 3, 2), dtype=np.float32))
    x = np.load(tmp_path / "x.npy", mmap_mode="r")
    data = TaskData.from_sequences(
        x, lengths=[3, 2, 1, 3], per_sequence={"a": [1, 2, 3, NAN], "b": [0, 0, 1, 1]}
    )
    assert data.x is x and data.length is not None and data.length.tolist() == [3, 2, 1, 3]
    half, _ = data.split(0.5)
    assert half.x is x


def test_parts_keep_groups_and_lengths() -> None:
    data = TaskData.from_sequences(RAGGED, per_sequence={"a": [0, 1, 2], "t": np.eye(3)})
    some = data.subset(data.index != 0)
    assert some.length is not None and some.length.tolist() == [1, 2]
    left, right = data.split(0.5, by="tasks")
    for side in (left, right):
        expected = tuple("t" if name.startswith("t[") else "" for name in side.schema.tasks)
        assert side.schema.task_groups == (expected if any(expected) else ())


BLOCK = np.zeros((2, 3, 1))
BAD: list[tuple[dict[str, Any], str]] = [
    (dict(x=BLOCK), "targets: expected at least one, found none"),
    (dict(x=BLOCK, per_sequence={"a": [1, 2, 3]}), r"per_sequence\['a'\]: expected \[2 sequences\]"),
    (dict(x=BLOCK, per_sequence={"a": [NAN, NAN], "b": [1, 1]}), "none in 'a'"),
    (dict(x=BLOCK, per_sequence={"a": [NAN, NAN]}), "only NaN"),
    (dict(x=BLOCK, per_sequence={"a": [np.inf, 1]}), "finite targets or NaN"),
    (dict(x=BLOCK, per_sequence={"a": [1, 1]}, per_step={"a": BLOCK[..., 0]}), "different names, found 'a'"),
    (dict(x=BLOCK, at_step={"a": ([1, 1], 3)}), "positions from 0 to 2"),
    (dict(x=BLOCK, lengths=[3, 1], at_step={"a": ([1, 1], 2)}), "use NaN for sequences that end before"),
    (dict(x=BLOCK, per_step={"a": np.zeros((2, 4))}), "2 sequences, 3 steps"),
    (dict(x=BLOCK, per_step={"a": [[1, 2], [1, 2, 3]]}), r"per_step\['a'\]\[0\]: expected 3 steps"),
    (dict(x=BLOCK, per_sequence={"a": np.eye(2)}, labels={"a": ["x"]}), "2 names, found 1"),
    (dict(x=BLOCK, per_sequence={"a": [1, 1]}, labels={"a": ["x"]}), "targets with several labels"),
    (dict(x=BLOCK * NAN, per_sequence={"a": [1, 1]}), "Pass missing='mask'"),
    (dict(x=BLOCK, static=[[NAN], [1]], per_sequence={"a": [1, 1]}), "found NaN in 's0'"),
    (dict(x=BLOCK, static=[[1]], per_sequence={"a": [1, 1]}), r"static: expected \[2 rows, features\]"),
    (dict(x=BLOCK, missing="drop", per_sequence={"a": [1, 1]}), "'refuse' or 'mask'"),
    (dict(x=BLOCK[0], per_sequence={"a": [1, 1]}), r"x: expected \[rows, steps, features\]"),
    (dict(x=[np.zeros((2, 1)), np.zeros((2, 2))], per_sequence={"a": [1, 1]}), "of one width"),
    (dict(x=[np.zeros((2, 1)), np.zeros((0, 1))], per_sequence={"a": [1, 1]}), "at least one step"),
    (dict(x=RAGGED, lengths=[3, 1, 2], per_sequence={"a": [1, 1, 1]}), "none beside a list"),
    (dict(x=BLOCK, lengths=[4, 1], per_sequence={"a": [1, 1]}), "length: expected positions"),
    (dict(x=BLOCK, per_sequence={"a": [1, 1]}, noise={"b": 1.0}), "noise: expected names of targets"),
    (dict(x=BLOCK, per_sequence={"a": [1, 1]}, noise={"a": [1, 0]}), r"noise\['a'\]: expected .* above 0"),
    (dict(x=BLOCK, per_sequence={"a": [1, 1]}, offset={"a": [1, NAN]}), r"offset\['a'\]: expected finite"),
    (dict(x=BLOCK, per_sequence={"a": [1, 1]}, offset={"a": [1]}), r"offset\['a'\]: expected \[2 seq"),
    (dict(x=BLOCK, per_sequence={"a": [1, 3]}, trials={"a": 2}), r"trials\['a'\]: expected at least as many"),
    (dict(x=BLOCK, per_sequence={"a": np.eye(2)}, trials={"a": np.ones((2, 3))}), "2 labels as the target"),
    (dict(x=BLOCK, per_step={"a": BLOCK[..., 0]}, offset={"a": [1, 2]}), r"offset\['a'\]\[0\]: .* 3 steps"),
    (dict(x=BLOCK, feature_names=["a", "b"], per_sequence={"a": [1, 1]}), "feature_names: expected 1 names"),
]  # fmt: skip


@pytest.mark.parametrize(("options", "text"), BAD)
def test_bad_input_is_refused(options: dict[str, Any], text: str, unchecked: None) -> None:
    with pytest.raises(InputError, match=f"(?i){text}"):
        TaskData.from_sequences(**options)


def test_targets_of_the_wrong_kind(unchecked: None) -> None:
    options: list[tuple[dict[str, Any], str]] = [
        (dict(per_sequence=[1, 2]), "target -> values"),
        (dict(at_step={"a": [1, 2]}), r"\(values, step\)"),
        (dict(per_sequence={"a": ["x", "y"]}), "numbers"),
        (dict(per_sequence={"a": [1, 1]}, noise=[1, 2]), "noise: expected target -> values"),
        (dict(per_sequence={"a": [1, 1]}, noise={"a": "x"}), r"noise\['a'\]: expected numbers"),
        (dict(per_sequence={"a": [1, 1]}, censored={"a": [0, 2]}), r"censored\['a'\]: expected True or"),
    ]
    for given, text in options:
        with pytest.raises(InputTypeError, match=text):
            TaskData.from_sequences(BLOCK, **given)
