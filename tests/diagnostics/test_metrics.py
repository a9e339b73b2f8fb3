"""Metrics of every kind of task, against scikit-learn and numbers worked out by hand."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import average_precision_score, cohen_kappa_score, roc_auc_score

from bayes_mtl import MultiTaskModel, Posterior, TaskData
from bayes_mtl._errors import InputError
from bayes_mtl.diagnostics import delta, metrics
from bayes_mtl.diagnostics._calibration_error import calibration_error
from bayes_mtl.diagnostics._task_metrics import classes, two_classes
from bayes_mtl.inference import SVI
from bayes_mtl.likelihoods import Bernoulli, Categorical, LogNormal, Mixed
from bayes_mtl.priors import Independent

ROWS = 200
RANDOM = np.random.default_rng(0)
X = RANDOM.normal(size=(ROWS, 2))
TARGETS = {
    "sick[a]": (X[:, 0] + RANDOM.normal(size=ROWS) > 0).astype(float),
    "sick[b]": (X[:, 1] + RANDOM.normal(size=ROWS) > 1).astype(float),
    "stage": np.digitize(X[:, 0] + 0.5 * RANDOM.normal(size=ROWS), [-0.5, 0.5]).astype(float),
    "days": np.exp(1.0 + 0.5 * X[:, 1] + 0.2 * RANDOM.normal(size=ROWS)),
}


@pytest.fixture(scope="module")
def data() -> TaskData:
    table = np.stack(list(TARGETS.values()), axis=1)
    table[RANDOM.random(table.shape) < 0.4] = np.nan
    made = TaskData.from_outputs(X, table, task_names=list(TARGETS))
    return replace(made, schema=replace(made.schema, task_groups=("sick", "sick", "", "")))


@pytest.fixture(scope="module")
def fitted(data: TaskData) -> Posterior:
    likelihood = Mixed({"stage": Categorical(), "days": LogNormal()}, default=Bernoulli())
    return SVI(steps=150, learning_rate=0.05, particles=1, draws=50, progress=False).run(
        MultiTaskModel(Independent(), likelihood), data
    )


def test_each_task_gets_what_suits_it(fitted: Posterior, data: TaskData) -> None:
    table, predicted = metrics(fitted, data), fitted.predict(data)
    assert table["kind"].tolist() == ["two classes", "two classes", "classes", "numbers"]
    assert table["observations"].tolist() == data.counts.tolist()
    assert predicted.probabilities is not None
    for name, row in table.iterrows():
        own = data.task == data.schema.tasks.index(str(name))
        y, chances = data.y[own], predicted.probabilities[own]
        if row["kind"] == "two classes":
            assert row["auc"] == pytest.approx(roc_auc_score(y, chances[:, 1]))
            assert row["average_precision"] == pytest.approx(average_precision_score(y, chances[:, 1]))
            assert row["brier"] == pytest.approx(np.square(chances[:, 1] - y).mean())
            assert row["auc"] > 0.7 and np.isnan(row["rmse"])
        elif row["kind"] == "classes":
            kappa = cohen_kappa_score(y, chances.argmax(1), weights="linear")
            assert row["kappa"] == pytest.approx(kappa) and row["accuracy"] > 0.5
        else:
            assert row["rmse"] == pytest.approx(np.sqrt(np.square(y - predicted.mean[own]).mean()))
            assert row["r2"] == pytest.approx(1 - row["rmse"] ** 2 / y.var())
            assert np.isnan(row["auc"]) and 0.7 < row["coverage"] <= 1.0
    expected = fitted.score(data).by_task["mean"]
    pd.testing.assert_series_equal(table["log_score"], expected, check_names=False, check_dtype=False)


def test_groups_are_means_over_their_tasks(fitted: Posterior, data: TaskData) -> None:
    table, whole = metrics(fitted, data), metrics(fitted, data, by="group")
    assert whole.index.tolist() == ["sick", "stage", "days"]
    assert whole.loc["sick", "auc"] == pytest.approx(table["auc"].iloc[:2].mean())
    assert whole.loc["sick", "observations"] == table["observations"].iloc[:2].sum()
    pd.testing.assert_series_equal(whole.loc["days"], table.loc["days"])


def test_by_hand() -> None:
    y, p = np.array([0.0, 0.0, 1.0, 1.0]), np.array([0.1, 0.6, 0.4, 0.9])
    found = two_classes(y, p)
    assert found["accuracy"] == 0.5 and found["auc"] == 0.75
    assert found["brier"] == pytest.approx((0.01 + 0.36 + 0.36 + 0.01) / 4)
    # thresholds .1, .4, .6, .9: precision 1/2, 2/3, 1/2, 1 and recall 1, 1, 1/2, 1/2
    assert found["min_se_ppv"] == pytest.approx(2 / 3)
    assert set(two_classes(np.zeros(3), np.full(3, 0.2))) == {"accuracy", "brier", "calibration_error"}
    # bins 0.0-0.1 (one of two happens, 0.05 said) and 0.9-1.0 (both happen, 0.9 said)
    happened, said = np.array([1, 0, 1, 1], dtype=bool), np.array([0.05, 0.05, 0.9, 1.0])
    assert calibration_error(happened, said) == pytest.approx((2 * 0.45 + 0.1) / 4)


def test_several_classes_by_hand() -> None:
    chances = np.array([[0.7, 0.2, 0.1], [0.25, 0.0, 0.75], [0.1, 0.15, 0.75], [0.0, 1.0, 0.0]])
    found = classes(np.array([0.0, 1.0, 2.0, 1.0]), chances)
    assert found["accuracy"] == 0.75
    squares = [0.09 + 0.04 + 0.01, 0.0625 + 1.0 + 0.5625, 0.01 + 0.0225 + 0.0625, 0.0]
    assert found["brier"] == pytest.approx(sum(squares) / 4)
    # chosen with 0.7 (right, in a bin with twice 0.75, of which one is right) and 1.0 (right)
    assert found["calibration_error"] == pytest.approx(abs(2.2 - 2.0) / 4)


def test_calibrated_probabilities_have_little_error() -> None:
    p = RANDOM.random(100_000)
    # each of ten bins scatters by 0.0047 at most, mean distance 0.8 of it: 4 times that
    assert calibration_error(RANDOM.random(len(p)) < p, p) < 0.015


def test_delta_has_the_sign_of_the_metric() -> None:
    names = pd.Index(["death", "stay"], name="task")
    kinds = ["two classes", "numbers"]
    together = pd.DataFrame(
        {"kind": kinds, "auc": [0.88, np.nan], "rmse": [np.nan, 3.0], "log_score": [-0.4, -2.0]}, names
    )
    single = pd.DataFrame(
        {"kind": kinds, "auc": [0.80, np.nan], "rmse": [np.nan, 4.0], "log_score": [-0.5, -1.6]}, names
    )
    found = delta(together, [single.iloc[[0]], single.iloc[[1]]])
    assert found["metric"].iloc[:2].tolist() == ["auc", "rmse"]
    np.testing.assert_allclose(found["change"], [0.1, 0.25, 0.175])
    np.testing.assert_allclose(delta(together, single, "log_score")["change"].iloc[:2], [0.2, -0.25])
    mixed = delta(together, single, {"stay": "log_score"})
    assert mixed["metric"].iloc[:2].tolist() == ["auc", "log_score"]
    with pytest.raises(InputError, match="none or several for 'stay'"):
        delta(together, single.iloc[:1])
    with pytest.raises(InputError, match="task 'stay' has"):
        delta(together, single, "auc")
    with pytest.raises(InputError, match="metric: expected one of"):
        delta(together, single, "speed")


def test_wrong_arguments(fitted: Posterior, data: TaskData, unchecked: None) -> None:
    with pytest.raises(InputError, match="'task' or 'group'"):
        metrics(fitted, data, by="label")
