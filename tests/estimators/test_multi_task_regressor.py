"""Many tasks behind scikit-learn's interface: known tasks, new ones, pipelines and searches."""

import numpy as np
import pandas as pd
import pytest
from scipy.special import ndtr
from sklearn.compose import ColumnTransformer
from sklearn.model_selection import GridSearchCV, GroupKFold, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from bayes_mtl import MultiTaskModel, TaskData, fit
from bayes_mtl._errors import InputError
from bayes_mtl.datasets import exam
from bayes_mtl.estimators import MultiTaskRegressor
from bayes_mtl.inference import MAP, Collapsed
from bayes_mtl.likelihoods import Gaussian
from bayes_mtl.priors import Hierarchical, Independent, Pooled, TaskClustering

QUICK = Collapsed(hyperparameters=MAP(laplace=0), draws=200)
PUPILS = exam()
COLUMNS = ["school", "intake"]
FEW = PUPILS[PUPILS["school"].astype(str).isin([str(i) for i in range(1, 13)])].reset_index(drop=True)


@pytest.fixture(scope="module")
def fitted() -> MultiTaskRegressor:
    return MultiTaskRegressor("school", inference=QUICK, seed=3).fit(FEW[COLUMNS], FEW["score"])


def test_it_is_the_same_fit(fitted: MultiTaskRegressor) -> None:
    data = TaskData.from_frame(FEW, y="score", task="school", x=["intake"])
    posterior = QUICK.run(MultiTaskModel(Hierarchical(), Gaussian()), data, seed=3)
    assert (fitted.posterior_.draws["weights"] == posterior.draws["weights"]).all()
    expected = posterior.predict(FEW, "school", seed=3)
    mean, sd = fitted.predict(FEW[COLUMNS], return_std=True)
    assert np.array_equal(mean, expected.mean) and np.array_equal(sd, expected.sd)
    assert np.array_equal(fitted.predict(FEW[COLUMNS]), mean)


def test_arrays_and_frames_give_the_same(fitted: MultiTaskRegressor) -> None:
    texts = FEW[["intake", "school"]].to_numpy(dtype=object)
    for X, task in ((texts, 1), (texts, -1), (FEW[COLUMNS].astype(float).to_numpy(), 0)):
        other = MultiTaskRegressor(task, inference=QUICK, seed=3).fit(X, FEW["score"].to_numpy())
        assert other.posterior_.tasks == fitted.posterior_.tasks
        assert np.array_equal(other.predict(X), fitted.predict(FEW[COLUMNS]))


def test_quantiles_are_those_of_a_new_observation(fitted: MultiTaskRegressor) -> None:
    rows = FEW[COLUMNS].head(40)
    mean, sd = fitted.predict(rows, return_std=True)
    quantiles = fitted.predict_quantiles(rows, [0.05, 0.5, 0.95])
    assert quantiles.shape == (40, 3) and (np.diff(quantiles, axis=1) > 0).all()
    # Nearly Gaussian. The level of a quantile of 200 draws has standard error sqrt(p (1 - p) / 200), at most
    # 0.035 (rows are independent in the noise, which is most of the variance); 5 of these for 120 numbers.
    levels = ndtr((quantiles - mean[:, None]) / sd[:, None])
    assert levels == pytest.approx(np.broadcast_to([0.05, 0.5, 0.95], levels.shape), abs=0.18)
    # averaged over 40 rows 5 standard errors are 0.03, more where the rows share draws of the weights
    assert levels.mean(0) == pytest.approx([0.05, 0.5, 0.95], abs=0.05)
    with pytest.raises(InputError, match="quantiles: expected numbers between 0 and 1"):
        fitted.predict_quantiles(rows, [5, 95])


def test_tasks_that_were_not_fitted_are_new(fitted: MultiTaskRegressor) -> None:
    rows = pd.concat([FEW.head(2), FEW.head(2).assign(school="new")])[COLUMNS]
    mean, sd = fitted.predict(rows, return_std=True)
    known, sd_known = fitted.predict(rows[:2], return_std=True)
    assert np.array_equal(mean[:2], known) and np.array_equal(sd[:2], sd_known)
    expected = fitted.posterior_.predict(rows[2:][["intake"]], ["new"] * 2, new_task=True, seed=3)
    assert np.array_equal(mean[2:], expected.mean) and np.array_equal(sd[2:], expected.sd)
    assert fitted.predict_quantiles(rows).shape == (4, 3)


def test_groups_left_out_whole_are_predicted_as_new_tasks() -> None:
    regressor = MultiTaskRegressor("school", inference=QUICK)
    scores = cross_val_score(
        regressor, FEW[COLUMNS], FEW["score"], groups=FEW["school"], cv=GroupKFold(3), error_score="raise"
    )
    # the intake alone explains about a third of the variance
    assert (scores > 0.1).all() and (scores < 0.9).all()


def test_in_a_pipeline_under_a_search() -> None:
    scale = ColumnTransformer([("scale", StandardScaler(), ["intake"])], remainder="passthrough")
    pipeline = make_pipeline(scale, MultiTaskRegressor(task=1, inference=QUICK))
    grid = {"multitaskregressor__prior": [Hierarchical(), Pooled()]}
    search = GridSearchCV(pipeline, grid, cv=3, error_score="raise").fit(FEW[COLUMNS], FEW["score"])
    assert search.predict(FEW[COLUMNS].head()).shape == (5,)
    assert search.cv_results_["mean_test_score"].shape == (2,)
    named = make_pipeline(
        scale.set_output(transform="pandas"), MultiTaskRegressor("remainder__school", inference=QUICK)
    )
    assert named.fit(FEW[COLUMNS], FEW["score"]).predict(FEW[COLUMNS].head()).shape == (5,)


def test_without_a_task_column_there_is_one_task() -> None:
    regressor = MultiTaskRegressor(inference=QUICK).fit(FEW[["intake"]], FEW["score"])
    assert regressor.posterior_.tasks == ("all",)
    assert isinstance(regressor.posterior_.program.prior, Independent)


def test_weights_of_rows_reach_the_likelihood() -> None:
    X, y = FEW[COLUMNS], FEW["score"]
    some = MultiTaskRegressor("school", inference=QUICK).fit(X, y, sample_weight=np.full(len(y), 0.5))
    data = TaskData.from_frame(FEW.assign(w=0.5), y="score", task="school", x=["intake"], weight="w")
    posterior = QUICK.run(MultiTaskModel(Hierarchical(), Gaussian()), data)
    assert (some.posterior_.draws["weights"] == posterior.draws["weights"]).all()


def test_features_of_tasks_reach_the_prior() -> None:
    """A gate is told of a new task by its features alone."""
    rng = np.random.default_rng(0)
    school = np.repeat(np.arange(30), 10)
    kind = (school % 2).astype(float)
    y = np.where(kind > 0, 3.0, -3.0) + 0.3 * rng.normal(size=len(school))
    frame = pd.DataFrame({"school": school, "kind": kind, "x": rng.normal(size=len(school))})
    prior = TaskClustering(clusters=2, weights_prior="gate")
    regressor = MultiTaskRegressor("school", prior=prior, inference=QUICK, task_features=["kind"])
    regressor.fit(frame, y)
    assert regressor.posterior_.features == ("Intercept", "x")
    new = pd.DataFrame({"school": ["n", "m", "k"], "kind": [1.0, 0.0, 1.0], "x": 0.0})
    found = regressor.predict(new)
    assert found[0] > 1 and found[1] < -1 and found[2] > 1
    with pytest.raises(InputError, match="task_features: expected columns that are constant within each"):
        regressor.fit(frame.assign(kind=rng.normal(size=len(frame))), y)


@pytest.mark.parametrize(
    ("settings", "text"),
    [
        ({"task": "scool"}, "Did you mean 'school'"),
        ({"task": 2}, "task: expected a column of X"),
        ({"task_features": ["intake"]}, "none without a task column"),
    ],
)
def test_columns_that_are_not_there(settings: dict[str, object], text: str) -> None:
    with pytest.raises(InputError, match=text):
        MultiTaskRegressor(**settings).fit(FEW[COLUMNS], FEW["score"])


def test_a_row_without_a_task_is_refused() -> None:
    frame = FEW[COLUMNS].astype({"school": object})
    frame.loc[0, "school"] = None
    with pytest.raises(InputError, match="task: expected a label for every row, found missing in 1 rows"):
        MultiTaskRegressor("school", inference=QUICK).fit(frame, FEW["score"])


def test_a_task_column_alone_is_enough() -> None:
    regressor = MultiTaskRegressor("school", inference=QUICK).fit(FEW[["school"]], FEW["score"])
    assert regressor.predict(FEW[["school"]].head()).shape == (5,)


def test_without_an_inference_it_is_that_of_fit() -> None:
    """Trees, Collapsed or SVI by the same rule; here the default one, to the last draw."""
    small = FEW[::6]
    regressor = MultiTaskRegressor("school").fit(small[COLUMNS], small["score"])
    data = TaskData.from_frame(small, y="score", task="school", x=["intake"])
    posterior = fit(MultiTaskModel(Hierarchical(), Gaussian()), data)
    assert (regressor.posterior_.draws["weights"] == posterior.draws["weights"]).all()
