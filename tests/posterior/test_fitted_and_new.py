"""Fitted tasks and new ones asked for at once: each must get what it gets alone."""

from typing import Any

import numpy as np
import pandas as pd
import pytest

from bayes_mtl import MultiTaskModel, Posterior, TaskData
from bayes_mtl._errors import InputError
from bayes_mtl.likelihoods import Gaussian
from bayes_mtl.priors import AbstractTaskPrior, Hierarchical, TaskClustering
from tests.posterior.examples import make_posterior

PRIORS = {
    "hierarchical": (Hierarchical(), None),
    "clusters": (TaskClustering(2), None),
    "gate": (TaskClustering(2, weights_prior="gate"), ["size"]),
}


def frame(tasks: list[str]) -> pd.DataFrame:
    rng = np.random.default_rng(0)
    rows = pd.DataFrame({"task": tasks * 3})
    rows["size"] = rows["task"].map({name: float(len(name) + ord(name[0]) % 5) for name in tasks})
    return rows.assign(x=rng.normal(size=len(rows)), y=rng.normal(size=len(rows)))


@pytest.fixture(params=PRIORS)
def posterior(request: pytest.FixtureRequest) -> Posterior:
    prior: AbstractTaskPrior
    prior, features = PRIORS[request.param]
    data = TaskData.from_frame(frame(["a", "b", "cc"]), y="y", task="task", x=["x"], task_features=features)
    return make_posterior(MultiTaskModel(prior, Gaussian(noise="task")), data)


def table(posterior: Posterior, rows: pd.DataFrame, tasks: list[str]) -> dict[str, Any]:
    """Features of tasks, where the model has some."""
    if not posterior.program.schema.task_features:
        return {}
    return {"task_features": rows.groupby("task")[["size"]].first().loc[tasks]}


def test_fitted_tasks_keep_their_fit_and_unknown_ones_are_new(posterior: Posterior) -> None:
    rows = frame(["new", "b", "a"])
    for features in (["new"], ["new", "b", "a"]):  # of the new ones, or of all
        more = table(posterior, rows, features)
        found = posterior.predict(rows, "task", new_task=True, kind="mean", keep_draws=True, seed=3, **more)
        known, new = rows[rows["task"] != "new"], rows[rows["task"] == "new"]
        expected = posterior.predict(known, "task", kind="mean", keep_draws=True)
        at = (rows["task"] != "new").to_numpy()
        np.testing.assert_allclose(found.draws[:, at], expected.draws, rtol=1e-5, atol=1e-5)  # float32
        more = table(posterior, rows, ["new"])
        alone = posterior.predict(new, "task", new_task=True, kind="mean", keep_draws=True, seed=3, **more)
        np.testing.assert_allclose(found.draws[:, ~at], alone.draws, rtol=1e-5, atol=1e-5)
        assert list(found.task) == list(rows["task"])


def test_scores_of_a_mix_are_those_of_its_parts(posterior: Posterior) -> None:
    tasks = ["new", "b", "a"]
    rows = frame(tasks)
    features = ["size"] if posterior.program.schema.task_features else None
    data = TaskData.from_frame(rows, y="y", task="task", x=["x"], task_features=features)
    found = posterior.score(data, new_task=True, repeats=2).by_task
    for name in tasks:
        own = TaskData.from_frame(
            rows[rows["task"] == name], y="y", task="task", x=["x"], task_features=features
        )
        expected = posterior.score(own, new_task=name == "new", repeats=2).by_task
        # float32; the noise of the task too must be its own
        np.testing.assert_allclose(found.loc[name], expected.loc[name], rtol=1e-4, atol=1e-4)
    log = posterior.log_likelihood(data, new_task=True)
    named = np.asarray(data.schema.tasks)[data.task]
    own = TaskData.from_frame(rows[rows["task"] == "b"], y="y", task="task", x=["x"], task_features=features)
    np.testing.assert_allclose(log[:, named == "b"], posterior.log_likelihood(own), rtol=1e-4, atol=1e-4)


def test_the_population_is_still_to_be_had() -> None:
    data = TaskData.from_frame(frame(["a", "b", "cc"]), y="y", task="task", x=["x"])
    posterior = make_posterior(MultiTaskModel(Hierarchical(), Gaussian()), data)
    rows = frame(["a", "b", "cc"])
    own = posterior.predict(rows, "task", kind="mean")
    same = posterior.predict(rows, "task", kind="mean", new_task=True)
    np.testing.assert_array_equal(own.mean, same.mean)
    population = posterior.predict(rows, "task", kind="mean", new_task="all", seed=1)
    renamed = rows.assign(task=rows["task"] + "!")
    expected = posterior.predict(renamed, "task", kind="mean", new_task=True, seed=1)
    np.testing.assert_array_equal(population.mean, expected.mean)
    assert not np.allclose(population.mean, own.mean)
    by_data = posterior.predict(data, kind="mean", new_task="all", seed=1)
    of_data, of_rows = (one.to_frame().sort_index()["mean"] for one in (by_data, population))
    np.testing.assert_allclose(of_data, of_rows, rtol=1e-5)  # float32


def test_rows_without_a_task_are_of_a_new_one_whatever_fitted_ones_are_called() -> None:
    data = TaskData.from_frame(frame(["new task", "b"]), y="y", task="task", x=["x"])
    posterior = make_posterior(MultiTaskModel(Hierarchical(), Gaussian()), data)
    rows = frame(["b"])[["x"]]
    found = posterior.predict(rows, new_task=True, kind="mean")
    assert not np.allclose(found.mean, posterior.predict(rows, "new task", kind="mean").mean)


def test_the_column_of_the_fit_says_which_rows_are_of_new_tasks() -> None:
    data = TaskData.from_frame(frame(["a", "b"]), y="y", task="task", x=["x"])
    posterior = make_posterior(MultiTaskModel(Hierarchical(), Gaussian()), data)
    rows = frame(["b", "c", "d"])
    found = posterior.predict(rows, new_task=True, seed=3)
    expected = posterior.predict(rows, "task", new_task=True, seed=3)
    assert list(found.task) == list(rows["task"])
    np.testing.assert_array_equal(found.mean, expected.mean)


def test_other_words_are_refused(unchecked: None) -> None:
    data = TaskData.from_frame(frame(["a", "b"]), y="y", task="task", x=["x"])
    posterior = make_posterior(MultiTaskModel(Hierarchical(), Gaussian()), data)
    with pytest.raises(InputError, match="new_task: expected True, False or 'all'"):
        posterior.predict(data, new_task="some")  # type: ignore[arg-type]
