"""A whole data set of tasks that were not fitted: predictions and densities against the closed form."""

import numpy as np
import pytest
import torch
from scipy.stats import norm

from bayes_mtl import MultiTaskModel, Posterior, TaskData, fit
from bayes_mtl._errors import InputError
from bayes_mtl.datasets import hierarchical_tasks
from bayes_mtl.likelihoods import Gaussian
from bayes_mtl.priors import Hierarchical


@pytest.fixture(scope="module")
def fitted() -> tuple[Posterior, TaskData]:
    data, _ = hierarchical_tasks(tasks=24, rows=12, features=2, seed=1)
    train, test = data.split(by="tasks", seed=1)
    return fit(MultiTaskModel(Hierarchical(covariance="diagonal"), Gaussian()), train), test


def closed_form(posterior: Posterior, data: TaskData) -> tuple[np.ndarray, np.ndarray]:
    """Mean and sd of each target given each draw of the hyperparameters, weights integrated out."""
    scaling, draws = posterior.program.scaling, posterior.draws
    x = np.column_stack([np.ones(len(data)), (data.x - scaling.x_mean) / scaling.x_sd])
    mean, scale = (draws[name][:, 0, :, 0].double().numpy() for name in ("mean", "scale"))
    variance = scale**2 @ (x**2).T + draws["noise_scale"].double().numpy() ** 2
    spread, shift = scaling.spread[0, 0], scaling.shift[0, 0]
    return shift + spread * mean @ x.T, spread * np.sqrt(variance)


def test_densities_are_those_of_the_population(fitted: tuple[Posterior, TaskData]) -> None:
    posterior, test = fitted
    found = np.exp(posterior.log_likelihood(test, new_task=True))
    mean, sd = closed_form(posterior, test)
    expected = norm.pdf(test.y, mean, sd)
    error = np.sqrt((found.var(0) + expected.var(0)) / len(found))
    # 5 Monte-Carlo standard errors of 1,000 draws, since 72 observations are compared at once
    assert np.all(np.abs(found.mean(0) - expected.mean(0)) < 5 * error + 1e-6)


def test_predictions_are_those_of_the_population(fitted: tuple[Posterior, TaskData]) -> None:
    posterior, test = fitted
    predicted = posterior.predict(test, new_task=True)
    mean, sd = closed_form(posterior, test)
    # 5 Monte-Carlo standard errors of 1,000 draws, since 72 observations are compared at once
    assert np.all(np.abs(predicted.mean - mean.mean(0)) < 5 * sd.mean(0) / np.sqrt(posterior.number))
    assert list(predicted.task) == [test.schema.tasks[t] for t in test.task]
    assert list(predicted.index) == list(test.index)


def test_a_formula_is_no_obstacle() -> None:
    import pandas as pd

    rng = np.random.default_rng(0)
    frame = pd.DataFrame({"a": rng.normal(size=60), "t": np.repeat(list("uvwxyz"), 10)})
    frame["kind"] = np.where(np.arange(60) % 3 == 0, "p", "q")
    frame["y"] = frame["a"] + (frame["kind"] == "q") + 0.1 * rng.normal(size=60)
    data = TaskData.from_frame(frame, task="t", formula="y ~ a + C(kind)")
    train, test = data.split(by="tasks", test=0.3, seed=0)
    posterior = fit(MultiTaskModel(Hierarchical(), Gaussian()), train)
    by_data = posterior.predict(test, new_task=True)
    rows = frame.loc[test.index]
    by_frame = posterior.predict(rows, task="t", new_task=True)
    np.testing.assert_allclose(by_data.mean, by_frame.mean, atol=1e-5)  # float32
    with pytest.raises(InputError, match="task: expected none beside a TaskData"):
        posterior.predict(test, "u", new_task=True)


def test_noise_of_its_own_is_drawn_once_for_each_new_task(fitted: tuple[Posterior, TaskData]) -> None:
    data, _ = hierarchical_tasks(tasks=12, rows=10, features=1, seed=2)
    train, test = data.split(by="tasks", seed=2)
    posterior = fit(MultiTaskModel(Hierarchical(), Gaussian(noise="task")), train)
    before = torch.get_rng_state()
    first = posterior.log_likelihood(test, new_task=True, seed=3)
    assert torch.equal(before, torch.get_rng_state())
    np.testing.assert_array_equal(first, posterior.log_likelihood(test, new_task=True, seed=3))
    assert not np.array_equal(first, posterior.log_likelihood(test, new_task=True, seed=4))
