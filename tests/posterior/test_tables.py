"""Contrasts, rankings, summaries and relatedness against direct computation."""

import numpy as np
import pandas as pd
import pytest
import torch

from bayes_mtl import MultiTaskModel, TaskData
from bayes_mtl._errors import InputError
from bayes_mtl.likelihoods import Bernoulli, Categorical, Gaussian, Mixed
from bayes_mtl.posterior import _relatedness
from bayes_mtl.posterior._units import fixed_in_units, weights_in_units
from bayes_mtl.priors import Hierarchical, Independent, Pooled, TaskClustering, TaskCovariance
from tests.posterior.examples import example, make_data, make_posterior


def test_contrasts_are_differences_in_units() -> None:
    posterior, _ = example(draws=40)
    weights = weights_in_units(posterior.program, posterior.draws)[..., 0].numpy()
    difference = weights[:, 2] - weights[:, 0]
    table = posterior.contrast("school 2", "school 0", level=0.5)
    assert list(table.index) == ["Intercept", "x0", "x1"]
    assert np.allclose(table["mean"], difference.mean(0))
    assert np.allclose(table["sd"], difference.std(0))
    assert np.allclose(table["lower"], np.quantile(difference, 0.25, axis=0))
    assert np.allclose(table["upper"], np.quantile(difference, 0.75, axis=0))
    assert np.allclose(table["P(>0)"], (difference > 0).mean(0))
    other = posterior.contrast("school 0", "school 2", level=0.5)
    assert np.allclose(other["mean"], -table["mean"])
    with pytest.raises(InputError, match=r"Task 'school 7' was not in the data .*\? Name fitted tasks\.$"):
        posterior.contrast("school 7", "school 0")
    with pytest.raises(InputError, match="level"):
        posterior.contrast("school 1", "school 0", level=90)


def test_tied_tasks_share_ranks_and_probabilities() -> None:
    posterior, _ = example(Pooled(), tasks=3, draws=20)
    assert (posterior.contrast("school 0", "school 1")["P(>0)"] == 0.5).all()
    table = posterior.ranking()
    assert (table[["rank", "rank_lower", "rank_upper"]] == 2.0).all(axis=None)
    assert np.allclose(table[["P(first)", "P(last)"]], 1 / 3)


def test_contrasts_of_classes() -> None:
    plain = make_data()
    data = TaskData.from_arrays(plain.x, np.arange(len(plain)) % 3, plain.task)
    posterior = make_posterior(MultiTaskModel(Hierarchical(), Categorical()), data)
    table = posterior.contrast("0", "1")
    weights = weights_in_units(posterior.program, posterior.draws).numpy()
    expected = (weights[:, 0] - weights[:, 1]).mean(0)
    for output in range(3):
        assert np.allclose(table[table["output"] == output]["mean"], expected[:, output])
    assert np.allclose(posterior.ranking("x1", output=2)["mean"].sort_index(), weights[:, :, 2, 2].mean(0))
    with pytest.raises(InputError, match="output: expected between 0 and 2"):
        posterior.ranking(output=3)


def test_weights_of_different_kinds_are_not_compared() -> None:
    plain = make_data(tasks=5)
    y = np.where(plain.task < 2, plain.task[::-1] % 2, plain.y)
    data = TaskData.from_arrays(plain.x, y, plain.task)
    likelihood = Mixed({"0": Bernoulli(), "1": Bernoulli()}, default=Gaussian())
    posterior = make_posterior(MultiTaskModel(Hierarchical(), likelihood), data)
    for compare in (posterior.ranking, lambda: posterior.contrast("0", "2")):
        with pytest.raises(
            InputError, match=r"tasks of one kind.*, found Bernoulli and Gaussian\. Name those"
        ):
            compare()
    weights = weights_in_units(posterior.program, posterior.draws)[..., 0].numpy()
    assert np.allclose(posterior.contrast("4", "2")["mean"], (weights[:, 4] - weights[:, 2]).mean(0))
    table = posterior.ranking("x1", tasks=["4", "2", "3"])
    own = weights[:, [4, 2, 3], 2]
    assert np.allclose(table["mean"][["4", "2", "3"]], own.mean(0))
    assert np.allclose(table["P(first)"][["4", "2", "3"]], [(own.argmax(1) == t).mean() for t in range(3)])


def test_rankings_count_how_often_a_task_is_first() -> None:
    posterior, _ = example(tasks=5, draws=60)
    values = weights_in_units(posterior.program, posterior.draws)[:, :, 2, 0].numpy()
    table = posterior.ranking("x1", level=0.8)
    assert (np.diff(table["rank"]) >= 0).all()
    for t, task in enumerate(posterior.tasks):
        rank = (values > values[:, [t]]).sum(1) + 1
        assert np.isclose(table.loc[task, "rank"], rank.mean())
        assert np.isclose(table.loc[task, "rank_lower"], np.quantile(rank, 0.1))
        assert np.isclose(table.loc[task, "rank_upper"], np.quantile(rank, 0.9))
        assert np.isclose(table.loc[task, "P(first)"], (values.argmax(1) == t).mean())
        assert np.isclose(table.loc[task, "P(last)"], (values.argmin(1) == t).mean())
    assert np.isclose(table["P(first)"].sum(), 1)
    with pytest.raises(InputError, match="feature: expected one of"):
        posterior.ranking("x9")


def test_tables_of_weights_and_hyperparameters() -> None:
    posterior, _ = example(features=3, varying=["x0", "x1"], likelihood=Gaussian(noise="task"), draws=30)
    weights = weights_in_units(posterior.program, posterior.draws)[..., 0].numpy()
    table = posterior.weights(level=0.6)
    assert np.isclose(table.loc[("school 1", "x1"), "mean"], weights[:, 1, 2].mean())
    assert np.isclose(table.loc[("school 1", "x1"), "lower"], np.quantile(weights[:, 1, 2], 0.2))
    summary = posterior.summary()
    mean = posterior.draws["mean"].numpy()[:, 0, :, 0]
    assert np.isclose(summary.loc["mean[x0]", "mean"], mean[:, 1].mean())
    assert np.isclose(summary.loc["mean[x0]", "sd"], mean[:, 1].std())
    # one line a hyperparameter; the weights and what belongs to single tasks have their own tables
    assert {name.split("[")[0] for name in summary.index} == {"mean", "scale", "correlation", "fixed"}
    of_fixed = [name.startswith("fixed[") for name in summary.index]
    np.testing.assert_array_equal(summary["units"] == "user's", of_fixed)
    fixed = fixed_in_units(posterior.program, posterior.draws)[:, 0, 0, 0].mean()
    assert np.isclose(summary.loc["fixed[x2]", "mean"], float(fixed))


def test_a_summary_may_have_nothing_to_say() -> None:
    posterior = make_posterior(MultiTaskModel(Independent(), Gaussian(noise="task")), make_data())
    assert isinstance(posterior.summary(), pd.DataFrame) and len(posterior.summary()) == 0


def test_relatedness_is_the_mean_and_quantiles_of_the_priors() -> None:
    posterior, _ = example(TaskCovariance(), tasks=4, draws=40)
    factor = posterior.draws["task_correlation"][:, 0]
    values = (factor @ factor.mT).numpy()
    found = posterior.relatedness(level=0.5)
    assert np.allclose(found.mean, values.mean(0), atol=1e-6)
    assert np.allclose(found.lower, np.quantile(values, 0.25, axis=0), atol=1e-6)
    assert np.allclose(found.upper, np.quantile(values, 0.75, axis=0), atol=1e-6)
    some = posterior.relatedness(["school 3", "school 1"], level=0.5)
    assert list(some.mean.index) == list(some.mean.columns) == ["school 3", "school 1"]
    assert np.isclose(some.mean.loc["school 3", "school 1"], found.mean.loc["school 3", "school 1"])
    with pytest.raises(InputError, match="tasks: expected at least two"):
        posterior.relatedness(["school 1"])
    with pytest.raises(InputError, match="level"):
        posterior.relatedness(level=2.0)


def test_many_tasks_are_thinned(monkeypatch: pytest.MonkeyPatch) -> None:
    posterior, _ = example(tasks=4, draws=200)
    whole = posterior.relatedness()
    monkeypatch.setattr(_relatedness, "_LARGEST", 100 * 16)
    thin = posterior.relatedness()
    # 100 of 200 draws of numbers between -1 and 1: 5 standard errors
    assert np.abs(whole.mean.to_numpy() - thin.mean.to_numpy()).max() < 5 / 100**0.5


def test_tasks_of_different_kinds_are_not_related() -> None:
    plain = make_data(tasks=4)
    y = np.where(plain.task < 2, plain.y > 100, plain.y).astype(float)
    data = TaskData.from_arrays(plain.x, y, [plain.schema.tasks[t] for t in plain.task])
    likelihood = Mixed({f"school {t}": Bernoulli() for t in (0, 1)}, default=Gaussian())
    for prior in (Hierarchical(), TaskClustering(2), TaskCovariance()):
        found = make_posterior(MultiTaskModel(prior, likelihood), data).relatedness().mean.to_numpy()
        assert np.isnan(found[:2, 2:]).all() and np.isnan(found[2:, :2]).all()
        assert np.isfinite(found[:2, :2]).all() and np.isfinite(found[2:, 2:]).all()


def test_it_says_what_it_is() -> None:
    posterior, _ = example()
    assert (
        repr(posterior) == "Posterior(3 tasks, 3 weights each, 8 draws by prior in 0.5 s, stopped: finished)"
    )
    assert torch.equal(posterior.with_record(seconds=2.0).draws["weights"], posterior.draws["weights"])
