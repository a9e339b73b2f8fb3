"""Bad input is answered in words: what was expected, what was found, what to do."""

from collections.abc import Callable
from datetime import datetime
from decimal import Decimal
from fractions import Fraction
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch

from bayes_mtl._errors import BayesMTLError
from bayes_mtl.data import Minibatches, Scaling, Schema, TaskData

pytestmark = pytest.mark.usefixtures("unchecked")

X = np.arange(12.0).reshape(6, 2)
Y = np.arange(6.0)
T = np.array(list("aabbcc"))
FRAME = pd.DataFrame(
    {
        "y": Y,
        "school": T,
        "intake": X[:, 0],
        "age": X[:, 1],
        "sex": list("mfmfmf"),
        "size": [1, 1, 2, 2, 3, 3],
    }
)


def arrays(x: Any = X, y: Any = Y, task: Any = T, **more: Any) -> TaskData:
    return TaskData.from_arrays(x, y, task, **more)


def frame(changed: Any = FRAME, **more: Any) -> TaskData:
    return TaskData.from_frame(changed, **({"y": "y", "task": "school", "x": ["intake", "age"]} | more))


def outputs(x: Any = X, table: Any = None, **more: Any) -> TaskData:
    return TaskData.from_outputs(x, np.stack([Y, Y], 1) if table is None else table, **more)


def formula(text: Any, **change: Any) -> TaskData:
    return TaskData.from_frame(FRAME.assign(**change), formula=text, task="school")


def put(values: np.ndarray, place: Any, value: float) -> np.ndarray:
    changed = values.copy()
    changed[place] = value
    return changed


def scaling(data: TaskData) -> Scaling:
    return Scaling.fit(data, np.zeros((3, 1)), np.ones((3, 1)))


def stream(size: Any = 2, **more: Any) -> Minibatches:
    return Minibatches(arrays(), scaling(arrays()), size=size, **more)


ENCODED = frame(varying=["age"]).schema
CUBE = np.zeros((6, 4, 2))
RAGGED: list[Any] = [[1.0, 2.0], [3.0]]

CASES: dict[str, tuple[Callable[[], object], str]] = {
    # x
    "x flat": (
        lambda: arrays(Y),
        "x: expected [rows, features] or [rows, steps, features], found shape (6,)",
    ),
    "x of objects": (lambda: arrays(X.astype(object)), "x: expected numbers, found dtype object"),
    "x of text": (lambda: arrays(X.astype(str)), "x: expected numbers, found dtype <U"),
    "x complex": (lambda: arrays(X.astype(complex)), "x: expected numbers, found dtype complex128"),
    "x ragged": (lambda: arrays(RAGGED), "x: expected an array of numbers, found list"),
    "x empty": (lambda: arrays(X[:0], Y[:0], T[:0]), "x: expected at least one row"),
    "x NaN": (lambda: arrays(put(X, (3, 1), np.nan)), "NaN or infinity in feature 'x1', 1 of them (rows 3)"),
    "x inf": (lambda: arrays(put(X, (3, 0), np.inf)), "NaN or infinity in feature 'x0', 1 of them (rows 3)"),
    "x frame with text": (lambda: arrays(FRAME[["intake", "sex"]]), "found 'sex' of dtype"),
    "x frame with a category": (
        lambda: arrays(FRAME[["sex"]].astype("category")),
        "Use from_frame with formula='... + C(sex)'",
    ),
    "x of dates": (
        lambda: frame(FRAME.assign(age=pd.Timestamp("2021-03-01"))),
        "for example to days: (frame['age'] - pandas.Timestamp('2020-01-01')) / pandas.Timedelta('1D').",
    ),
    "x of dates with a zone": (
        lambda: arrays(FRAME[["age"]].assign(age=pd.Timestamp("2021-03-01", tz="UTC"))),
        "Convert it, for example to days: (frame['age'] - pandas.Timestamp('2020-01-01', tz='UTC')) / pandas",
    ),
    "x of durations": (
        lambda: frame(FRAME.assign(age=pd.Timedelta("3D"))),
        "Convert it, for example to days: frame['age'] / pandas.Timedelta('1D').",
    ),
    "dates in a formula": (
        lambda: formula("y ~ C(age)", age=pd.Timestamp("2021-03-01")),
        "Convert it, for example to days: (frame['age'] - pandas",
    ),
    "x None": (lambda: arrays(None), "x: expected numbers, found dtype object"),
    "no feature and no intercept": (
        lambda: arrays(X[:, :0], intercept=False),
        "x: expected a feature or an intercept, found neither",
    ),
    "a second intercept": (
        lambda: arrays(feature_names=["Intercept", "a"]),
        "found it. Set intercept=False to keep your own column, leave it out, or rename it.",
    ),
    "a second intercept of a formula": (
        lambda: formula("y ~ Intercept + age", Intercept=1.0),
        "formula: expected names other than 'Intercept', found it. A formula adds one, and '- 1' leaves",
    ),
    "names twice": (lambda: arrays(feature_names=["a", "a"]), "feature_names: expected 2 different names"),
    "names too few": (lambda: arrays(feature_names=["a"]), "feature_names: expected 2 different names"),
    # y
    "y short": (lambda: arrays(y=Y[:4]), "y: expected 6 targets, one a row of x, found 4"),
    "y and task short": (
        lambda: arrays(y=Y[:4], task=T[:4]),
        "y: expected 6 targets, one a row of x, found 4",
    ),
    "y wide": (
        lambda: arrays(y=X),
        "y: expected one target an observation, found shape (6, 2). Use from_outputs",
    ),
    "y NaN": (
        lambda: arrays(y=put(Y, 2, np.nan)),
        "y: expected finite targets, found NaN or infinity in 1 of them",
    ),
    "y inf": (lambda: arrays(y=put(Y, 2, np.inf)), "y: expected finite targets"),
    "y of mixed objects": (lambda: arrays(y=[1, "a", 2, 3, 4, 5]), "found mixed-integer objects"),
    "y of dates": (
        lambda: arrays(y=pd.Series([datetime(2020, 1, 1)] * 6)),
        "y: expected numbers, booleans, text",
    ),
    "y complex": (lambda: arrays(y=Y * 1j), "y: expected numbers, booleans, text or categories"),
    "y of fractions": (
        lambda: arrays(y=[Fraction(1, 3)] * 6),
        "y: expected numbers, booleans, text or categories",
    ),
    "y of one class": (lambda: arrays(y=["a"] * 6), "y: expected at least 2 classes, found 'a'"),
    "y missing class": (
        lambda: arrays(y=pd.Series(["a", None, "b", "a", "a", "a"])),
        "y: expected a label for every",
    ),
    "y a scalar": (lambda: arrays(y=3.0), "y: expected one label an observation, found 3.0"),
    "y text of numbers": (
        lambda: arrays(np.zeros((30, 1)), [str(i / 7) for i in range(30)], np.arange(30) % 2),
        "y: expected classes, or numbers, found 30 texts like",
    ),
    "y empty": (lambda: arrays(y=[], task=[]), "y: expected at least one observation"),
    "y in another order": (
        lambda: arrays(FRAME[["age"]], pd.Series(Y)[::-1]),
        "y: expected the index of x, found the same labels in another order. Align them first, e.g.",
    ),
    "task in another order": (
        lambda: arrays(FRAME[["age"]], task=FRAME["school"].sample(frac=1.0, random_state=0)),
        "task: expected the index of x, found the same labels in another order.",
    ),
    # tasks
    "task short": (lambda: arrays(task=T[:4]), "task: expected 6 labels, one an observation, found 4"),
    "task missing": (
        lambda: arrays(task=["a", None, "b", "b", "c", "c"]),
        "task: expected a label for every",
    ),
    "task NaN": (lambda: arrays(task=put(Y, 0, np.nan)), "task: expected a label for every"),
    "task wide": (lambda: arrays(task=np.stack([T, T], 1)), "task: expected one label an observation"),
    "task a word": (lambda: arrays(task="school"), "task: expected one label an observation, found 'school'"),
    "task unhashable": (lambda: arrays(task=[[1]] * 6), "task: expected text or numbers as labels"),
    "tasks alike as text": (
        lambda: arrays(task=[1, "1", 2, 2, 2, 2]),
        "task: expected labels that differ as text, found several labels that read '1'",
    ),
    "empty category": (
        lambda: arrays(task=pd.Categorical(list("aabbbb"), list("abc"))),
        "none in 'c'. Call .cat.remove_unused_categories()",
    ),
    "empty task": (
        lambda: arrays(task=np.zeros(6, int), task_names=["a", "b"]),
        "task: expected at least one observation in every task, found none in 'b'",
    ),
    "task position": (
        lambda: arrays(task=np.arange(6), task_names=["a", "b"]),
        "task: expected positions from 0 to 1, found 2 at observation 2",
    ),
    "task among no names": (
        lambda: arrays(task_names=["a", "b", "cc"]),
        "task: expected names among task_names ('a', 'b', 'cc'), found 'c'",
    ),
    "task names twice": (
        lambda: arrays(task_names=["a", "a"]),
        "task_names: expected different names, found 'a'",
    ),
    # rows and steps
    "row negative": (
        lambda: arrays(row=np.array([0, 1, 2, 3, 4, -1])),
        "row: expected positions from 0 to 5",
    ),
    "row too large": (
        lambda: arrays(row=np.arange(6) + 1),
        "found 6 at observation 5. There are 6 rows of x",
    ),
    "row of floats": (lambda: arrays(row=Y), "row: expected integers, found dtype float64"),
    "row short": (lambda: arrays(row=np.arange(3)), "row: expected 6 values, one an observation"),
    "step without steps": (
        lambda: arrays(step=np.zeros(6, int)),
        "step: expected x of [rows, steps, features]",
    ),
    "step too large": (lambda: arrays(CUBE, step=np.full(6, 4)), "step: expected positions from 0 to 3"),
    # features
    "varying unknown": (
        lambda: frame(varying=["intkae"]),
        "varying: expected names of features, found 'intkae'. Did you mean 'intake'?",
    ),
    "varying a word": (lambda: frame(varying="intake"), "Write varying=[...]"),
    "groups a list": (lambda: frame(groups=["intake"]), "groups: expected a mapping group -> features"),
    "groups unknown": (lambda: frame(groups={"g": ["ag", "intake"]}), "Did you mean 'age'?"),
    "groups incomplete": (lambda: frame(groups={"g": ["age"]}), "found none for 'intake'"),
    "groups twice": (
        lambda: frame(groups={"g": ["age", "intake"], "h": ["age"]}),
        "groups: expected one group for 'age', found 'g' and 'h'",
    ),
    "groups of fixed": (
        lambda: frame(varying=["age"], groups={"g": ["age", "intake"]}),
        "one weight for all tasks",
    ),
    "intercept a word": (lambda: arrays(intercept="no"), "intercept: expected True or False, found 'no'"),
    # columns of observations
    "noise zero": (
        lambda: arrays(noise=Y),
        "noise: expected standard deviations above 0, found 0 among 1 of them",
    ),
    "noise short": (lambda: arrays(noise=Y[:2]), "noise: expected 6 values, one an observation, found 2"),
    "weight negative": (lambda: arrays(weight=Y - 1), "weight: expected weights of at least 0, found -1"),
    "weight inf": (lambda: arrays(weight=put(Y, 0, np.inf)), "weight: expected finite numbers"),
    "trials broken": (
        lambda: arrays(trials=Y + 1.5),
        "trials: expected whole numbers of at least 1, found 1.5",
    ),
    "trials few": (
        lambda: arrays(trials=np.full(6, 3)),
        "trials: expected at least as many trials as successes (y)",
    ),
    "offset NaN": (lambda: arrays(offset=put(Y, 0, np.nan)), "offset: expected finite numbers"),
    "offset wide": (
        lambda: arrays(offset=X),
        "offset: expected one value an observation, found shape (6, 2)",
    ),
    "censored numbers": (lambda: arrays(censored=Y), "censored: expected True or False, found other numbers"),
    # task features
    "task features short": (
        lambda: arrays(task_features=X[:2]),
        "task_features: expected [3 tasks, task features]",
    ),
    "task features NaN": (
        lambda: arrays(task_features=put(X[:3], (0, 0), np.nan)),
        "task_features: expected finite",
    ),
    "task features unindexed": (
        lambda: arrays(task_features=pd.DataFrame({"z": [1, 2, 3]})),
        "none or several for 'a', 'b', 'c'. Call .set_index",
    ),
    "task features vary": (
        lambda: frame(task_features=["age"]),
        "task_features: expected one value of 'age' within each task, found several in task 'a'",
    ),
    # from_frame
    "frame an array": (lambda: frame(X), "frame: expected a pandas DataFrame, found ndarray"),
    "frame empty": (lambda: frame(FRAME.head(0)), "frame: expected at least one row"),
    "frame of unequal columns": (
        lambda: frame({"y": [1], "school": [1, 2]}),
        "frame: expected columns of one length",
    ),
    "no such target": (lambda: frame(y="Y"), "y: expected the name of one column of the frame, found 'Y'"),
    "no such task": (lambda: frame(task="schol"), "Did you mean 'school'? Its columns are 'y', 'school'"),
    "no such feature": (
        lambda: frame(x=["intak"]),
        "x: expected the name of one column of the frame, found 'intak'",
    ),
    "no such noise": (
        lambda: frame(noise="sd"),
        "noise: expected the name of one column of the frame, found 'sd'",
    ),
    "noise an array": (lambda: frame(noise=Y), "noise: expected the name of a column, found ndarray"),
    "no target": (lambda: frame(y=None), "y: expected the name of the target's column, found none"),
    "column twice": (
        lambda: frame(pd.concat([FRAME, FRAME["y"]], axis=1)),
        "found 'y', which it has 2 times. Rename one of these, or drop it.",
    ),
    "the target as feature": (
        lambda: frame(x=["intake", "y"]),
        "features: expected columns that are known beforehand, found 'y', which is the target. Leave it out",
    ),
    "the target in a formula": (lambda: formula("y ~ age + log(y + 1)"), "found 'y', which is the target"),
    "the task as feature": (lambda: frame(task="size", x=["size"]), "found 'size', which is the task"),
    "the task in a formula": (lambda: formula("y ~ age + C(school)"), "the prior gives each task weights"),
    "numbers as objects": (
        lambda: frame(FRAME.assign(age=FRAME["age"].map(Decimal))),
        "Convert numbers: frame['age'] = pd.to_numeric(frame['age']). Encode a category",
    ),
    "complex numbers": (
        lambda: frame(FRAME.assign(age=FRAME["age"] + 1j)),
        "Take a real part of it: frame['age'] = frame['age'].abs().",
    ),
    "groups in a formula": (
        lambda: formula("y ~ age + (age|school)"),
        "formula: expected terms without groups, '|', found 'y ~ age + (age|school)'. Name the groups",
    ),
    "category as feature": (
        lambda: frame(x=["intake", "sex"]),
        "Encode a category with formula='... + C(sex)'",
    ),
    "feature twice": (lambda: frame(x=["age", "age"]), "x: expected different columns, found 'age'"),
    "x a word": (lambda: frame(x="age"), "x: expected a list of column names, found 'age'"),
    "x and formula": (lambda: frame(formula="y ~ age"), "x: expected either x= or formula=, found both"),
    "neither x nor formula": (lambda: frame(x=None), "x: expected either x= or formula=, found neither"),
    "feature missing": (
        lambda: frame(FRAME.assign(age=put(Y, 4, np.nan))),
        "x: expected no missing values in 'age', found 1 of them (rows 4)",
    ),
    "nullable missing": (
        lambda: frame(FRAME.assign(age=pd.Series([1, None, 3, 4, 5, 6], dtype="Int64"))),
        "x: expected no missing values in 'age', found 1 of them (rows 1)",
    ),
    "feature inf": (
        lambda: frame(FRAME.assign(age=put(Y, 4, np.inf))),
        "x: expected finite numbers in 'age'",
    ),
    "target missing": (
        lambda: frame(FRAME.assign(y=put(Y, 4, np.nan))),
        "y: expected no missing values in 'y', found 1 of them (rows 4)",
    ),
    "task missing in frame": (
        lambda: frame(FRAME.assign(school=["a", None, "b", "b", "c", "c"])),
        "task: expected no missing values in 'school'",
    ),
    # formulas
    "formula a list": (lambda: formula(["age"]), "formula: expected text, found list"),
    "formula names": (
        lambda: formula("y ~ agee"),
        "formula: expected names of columns, found 'agee'. Did you mean",
    ),
    "formula syntax": (lambda: formula("y ~ age +"), "formula: expected a formula like"),
    "formula target twice": (
        lambda: frame(x=None, formula="age ~ intake"),
        "the left side of 'age ~ intake'",
    ),
    "formula missing": (
        lambda: formula("y ~ age + C(sex)", sex=["m", None, "f", "f", "m", "f"]),
        "formula: expected no missing values in 'sex', found 1 of them (rows 1)",
    ),
    "formula log of 0": (
        lambda: formula("y ~ log(intake)"),
        "infinity in feature 'log(intake)', 1 of them (rows 0)",
    ),
    "formula dates": (lambda: formula("y ~ age", age=pd.Timestamp(0)), "'age' of dtype datetime64"),
    "formula mixed objects": (lambda: formula("y ~ age", age=[1, "a", 2, 3, 4, 5]), "'age' of dtype object"),
    "formula evil": (
        lambda: formula("y ~ I(open('x'))"),
        "formula: expected columns, arithmetic and allowed functions",
    ),
    # from_outputs
    "outputs flat": (lambda: outputs(table=Y), "Y: expected [6 rows, tasks], found shape (6,)"),
    "outputs short": (lambda: outputs(table=X[:4]), "Y: expected [6 rows, tasks], found shape (4, 2)"),
    "outputs of nothing": (lambda: outputs(table=np.full((6, 2), np.nan)), "Y: expected at least one target"),
    "outputs inf": (lambda: outputs(table=put(X, (0, 0), np.inf)), "Y: expected finite targets or NaN"),
    "outputs without a label": (
        lambda: outputs(table=put(X, (slice(None), 1), np.nan)),
        "found none in 'task1'",
    ),
    "outputs names": (lambda: outputs(task_names=["a"]), "task_names: expected 2 different names, found 'a'"),
    "outputs of text": (lambda: outputs(table=np.full((6, 2), "a")), "Y: expected numbers"),
    "outputs of another index": (
        lambda: outputs(pd.DataFrame(X), pd.DataFrame(X, index=range(1, 7))),
        "Y: expected the index of x, found another one",
    ),
    "outputs without x": (lambda: outputs(None), "x: expected"),
    # a fitted schema
    "schema and x": (
        lambda: frame(schema=ENCODED),
        "schema: expected a Schema that alone describes the features",
    ),
    "schema unknown task": (
        lambda: frame(FRAME.assign(school="z"), x=None, schema=ENCODED),
        "Task 'z' was not in the data this model was fitted on (fitted: 'a', 'b', 'c'). Leave its rows out",
    ),
    "schema without a column": (
        lambda: frame(FRAME.drop(columns="age"), x=None, schema=ENCODED),
        "rows: expected the name of one column of the frame, found 'age'",
    ),
    "schema of numbers": (
        lambda: frame(FRAME.assign(y=list("pqpqpq")), x=None, schema=ENCODED),
        "expected numbers, as in the fitted data, found 'p', 'q'",
    ),
    "schema of classes": (
        lambda: frame(
            FRAME.assign(y=list("pqpqpr")), x=None, schema=frame(FRAME.assign(y=list("pqpqpq"))).schema
        ),
        "expected one of the classes 'p', 'q', found 'r'",
    ),
    # encode
    "encode too few": (lambda: ENCODED.encode(X[:, :1]), "rows: expected [rows, 2] features"),
    "encode flat": (lambda: ENCODED.encode(Y), "rows: expected [rows, 2] features"),
    "encode NaN": (lambda: ENCODED.encode(put(X, (1, 0), np.nan)), "NaN or infinity in feature 'intake'"),
    "encode text": (lambda: ENCODED.encode(X.astype(str)), "rows: expected numbers"),
    "encode frame NaN": (
        lambda: ENCODED.encode(FRAME.assign(age=np.nan)),
        "rows: expected no missing values in 'age', found 6 of them (rows 0, 1, 2, 3, 4, ...)",
    ),
    "encode array by formula": (
        lambda: formula("y ~ age").schema.encode(X),
        "rows: expected a pandas DataFrame",
    ),
    "encode new category": (
        lambda: formula("y ~ sex").schema.encode(FRAME.assign(sex="x")),
        "column 'sex': expected one of 'f', 'm', found 'x'",
    ),
    "schema names twice": (
        lambda: Schema(tasks=("a",), features=("p",), fixed=("p",)),
        "features: expected different",
    ),
    "schema groups short": (
        lambda: Schema(tasks=("a",), features=("p", "q"), groups=("g",)),
        "groups: expected 2",
    ),
    # subset and split
    "subset nothing": (
        lambda: arrays().subset(np.zeros(6, bool)),
        "which: expected at least one observation",
    ),
    "subset outside": (lambda: arrays().subset([6]), "which: expected positions from 0 to 5, found 6 to 6"),
    "subset short mask": (
        lambda: arrays().subset(np.ones(5, bool)),
        "which: expected a mask of 6 observations",
    ),
    "subset floats": (lambda: arrays().subset(Y), "which: expected a flat mask or positions"),
    "split all": (lambda: arrays().split(test=1.0), "test: expected a fraction between 0 and 1, found 1.0"),
    "split nothing": (lambda: arrays().split(test=0), "test: expected a fraction between 0 and 1, found 0"),
    "split by columns": (
        lambda: arrays().split(by="columns"),
        "by: expected 'rows' or 'tasks', found 'columns'",
    ),
    "split seed": (lambda: arrays().split(seed="x"), "seed: expected an integer of at least 0, found 'x'"),
    "split singles": (
        lambda: arrays(task=np.arange(6)).split(),
        "test: expected a task with an observation to spare",
    ),
    "split one task": (
        lambda: arrays(task=np.zeros(6)).split(by="tasks"),
        "by: expected at least 2 tasks to split",
    ),
    # mini-batches
    "batch of words": (lambda: stream("all"), "size: expected a number of observations, found 'all'"),
    "batch of a fraction": (lambda: stream(0.5), "size: expected a number of observations, found 0.5"),
    "batch of none": (lambda: stream(0), "size: expected at least 1, found 0"),
    "batch temperature": (
        lambda: stream(temperature=-1.0),
        "temperature: expected a number above 0, found -1.0",
    ),
    "batch temperature word": (lambda: stream(temperature="hot"), "temperature: expected a number above 0"),
    "batch seed": (lambda: stream(seed=1.5), "seed: expected an integer of at least 0, found 1.5"),
    "batch state": (
        lambda: stream().load_state({"position": torch.tensor(1)}),
        "state: expected the state of",
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_bad_input_is_explained(case: str) -> None:
    work, essential = CASES[case]
    with pytest.raises(BayesMTLError) as caught:
        work()
    text = str(caught.value)
    assert essential in text
    assert len(text) < 600
    assert text.rstrip().endswith((".", ")", "?", "]", "'"))


def test_there_are_many() -> None:
    assert len(CASES) >= 40
