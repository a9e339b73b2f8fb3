"""The population of the tasks in the user's units."""

from dataclasses import replace

import numpy as np
import pytest

from bayes_mtl import MultiTaskModel, TaskData
from bayes_mtl._errors import UnsupportedError
from bayes_mtl.likelihoods import Categorical, Gaussian, StudentT
from bayes_mtl.networks import MLP
from bayes_mtl.priors import (
    AbstractTaskPrior,
    GroupSparse,
    GumbelSoftmax,
    Hierarchical,
    Independent,
    LatentHierarchy,
    LowRank,
    Pooled,
    TaskClustering,
    TaskCovariance,
)
from tests.posterior.examples import example, make_data, make_posterior

PRIORS: dict[str, AbstractTaskPrior] = {
    "independent": Independent(),
    "hierarchical": Hierarchical(),
    "low rank": LowRank(rank=1),
    "clustering": TaskClustering(clusters=2),
    "sticks": TaskClustering(clusters=3, weights_prior="stick-breaking", covariance="diagonal"),
    "sparse": GroupSparse.ard(rank=1),
    "tree": LatentHierarchy("('school 0',('school 1','school 2'));"),
}


def test_without_standardisation_it_is_what_was_sampled() -> None:
    data = make_data()
    posterior = make_posterior(MultiTaskModel(Hierarchical(), Gaussian(), standardize=False), data, draws=40)
    found = posterior.population()
    assert list(found.index.names) == ["feature", "of tasks"]
    for site, name in (("mean", "mean"), ("scale", "spread")):
        draws = posterior.draws[site][:, 0, :, 0].double().numpy()
        own = found.xs(name, level="of tasks")
        np.testing.assert_allclose(own["mean"], draws.mean(0), rtol=1e-6)
        np.testing.assert_allclose(own["sd"], draws.std(0), rtol=1e-6)
        np.testing.assert_allclose(own["lower"], np.quantile(draws, 0.05, axis=0), rtol=1e-6)
        assert tuple(own.index) == posterior.features


@pytest.mark.parametrize("name", PRIORS)
def test_mean_and_spread_are_those_of_new_tasks_that_are_drawn(name: str) -> None:
    """A new task at each of many equal draws: its weights in the user's units have that mean and spread."""
    posterior = make_posterior(MultiTaskModel(PRIORS[name], Gaussian()), make_data(), draws=1)
    number = 6_000
    repeated = {site: value.expand(number, *value.shape[1:]) for site, value in posterior.draws.items()}
    many = replace(posterior, draws=repeated)
    # weights of a new task are what it predicts at rows of zeros, and differences from there
    rows = np.concatenate([np.zeros((1, 2)), np.eye(2)])
    drawn = many.predict(rows, new_task=True, kind="mean", keep_draws=True).draws
    assert drawn is not None
    weights = np.column_stack([drawn[:, 0], drawn[:, 1] - drawn[:, 0], drawn[:, 2] - drawn[:, 0]])
    # A new task joins a tree at another place in each draw: variances within and between draws add up.
    found = many.population()
    mean, spread = (found.xs(which, level="of tasks") for which in ("mean", "spread"))
    sd = np.sqrt(mean["sd"] ** 2 + spread["mean"] ** 2 + spread["sd"] ** 2)
    # 6 standard errors of each; a mixture's kurtosis is at most about twice a Gaussian's
    np.testing.assert_array_less(np.abs(weights.mean(0) - mean["mean"]) / sd, 6 / np.sqrt(number))
    np.testing.assert_array_less(np.abs(weights.std(0) / sd - 1), 6 * np.sqrt(1 / number))


def test_pooled_tasks_do_not_spread_and_fixed_features_move_the_intercept() -> None:
    posterior, _ = example(Pooled(), varying=["x0"], draws=5)
    found = posterior.population()
    assert (found["mean"].xs("spread", level=1) == 0).all()
    own = posterior.weights()["mean"].xs("school 1").loc[list(posterior.features)]
    np.testing.assert_allclose(found["mean"].xs("mean", level=1), own, rtol=1e-6)


def test_outputs_and_networks() -> None:
    data = make_data()
    classes = TaskData.from_arrays(data.x, np.arange(len(data)) % 3, data.task)
    posterior = make_posterior(MultiTaskModel(Hierarchical(), Categorical()), classes)
    found = posterior.population()
    assert list(found.index.names) == ["feature", "output", "of tasks"] and len(found) == 3 * 3 * 2
    learned = make_posterior(MultiTaskModel(Hierarchical(), StudentT(), MLP(2, [4])), data)
    assert {name for name, _ in learned.population().index} == set(learned.features)


@pytest.mark.parametrize("prior", [TaskCovariance(), GumbelSoftmax()])
def test_priors_that_do_not_tell_say_so(prior: AbstractTaskPrior) -> None:
    posterior, _ = example(prior)
    with pytest.raises(UnsupportedError, match=r"new|weights"):
        posterior.population()


def test_a_unit_for_each_task_leaves_none_for_the_population() -> None:
    posterior, _ = example(Hierarchical(), Gaussian(units="task"))
    with pytest.raises(UnsupportedError, match="units='shared'"):
        posterior.population()


def test_features_of_the_task_are_by_default_their_mean() -> None:
    features = np.array([[0.0], [1.0], [5.0]])
    prior = TaskClustering(clusters=2, weights_prior="gate", task_mean=True)
    posterior, _ = example(prior, task_features=features)
    default = posterior.population()
    assert default.equals(posterior.population(task_features=[[2.0]]))
    assert not default.equals(posterior.population(task_features=[[3.0]]))
