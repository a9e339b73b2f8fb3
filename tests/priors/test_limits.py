"""Hierarchical between its two limits: one set of weights, and every task for itself."""

import numpy as np
import pytest
import torch
from pyro.distributions import LogNormal, Normal

from bayes_mtl import MultiTaskModel, TaskData, fit
from bayes_mtl.likelihoods import Bernoulli, Gaussian
from bayes_mtl.priors import AbstractTaskPrior, Hierarchical, Independent, Pooled
from bayes_mtl.testing._site_draws import SiteDraws, log_densities, together


def make_data(noise: float = 0.3) -> TaskData:
    random = np.random.default_rng(0)
    task = np.arange(40) % 4
    x = random.normal(size=(40, 1))
    y = (task - 1.5) + (1 - task) * x[:, 0] + noise * random.normal(size=40)
    return TaskData.from_arrays(x, y, task, noise=np.full(40, noise))


def fitted(prior: AbstractTaskPrior) -> np.ndarray:
    """Posterior means of the weights, [tasks, features]."""
    model = MultiTaskModel(prior, Gaussian(noise="known"), standardize=False)
    return fit(model, make_data()).draws["weights"][..., 0].mean(0).numpy()


@pytest.mark.parametrize("covariance", ["diagonal", "full"])
def test_a_small_spread_pools(covariance: str) -> None:
    prior = Hierarchical(scale=LogNormal(np.log(1e-3), 0.01), covariance=covariance)  # type: ignore[arg-type]
    small, pooled = fitted(prior), fitted(Pooled())
    # 4 Monte-Carlo standard errors of 1,000 draws with a posterior sd of about 0.05, and the spread itself
    assert np.abs(small - pooled).max() < 4 * 0.05 / 1000**0.5 * 2**0.5 + 3e-3


def test_a_large_spread_leaves_tasks_alone() -> None:
    """Not with a full covariance: for weights far smaller than their spread its correlation goes to 1."""
    prior = Hierarchical(scale=LogNormal(np.log(1e3), 0.01), covariance="diagonal")
    large, alone = fitted(prior), fitted(Independent(1e3))
    data = make_data()
    for t in range(4):
        own = data.task == t
        design = np.column_stack([np.ones(own.sum()), data.x[own, 0]])
        least_squares = np.linalg.lstsq(design, data.y[own], rcond=None)[0]
        # 4 Monte-Carlo standard errors of 1,000 draws with a posterior sd of about 0.15
        assert np.abs(large[t] - least_squares).max() < 4 * 0.15 / 1000**0.5
        assert np.abs(alone[t] - least_squares).max() < 4 * 0.15 / 1000**0.5


def test_without_spread_the_densities_are_those_of_pooled_tasks() -> None:
    """Any likelihood: the same mean, noise times nothing."""
    data = make_data()
    data = TaskData.from_arrays(data.x, (data.y > 0).astype(float), data.task)
    mean = torch.randn(3, 1, 2, 1, dtype=torch.float64)
    noise = torch.randn(3, 4, 2, 1, dtype=torch.float64)
    scale = torch.full((3, 1, 2, 1), 1e-12, dtype=torch.float64)
    found = []
    for prior, values in (
        (Pooled(Normal(0.0, 1.0)), {"mean": mean}),
        (Hierarchical(covariance="diagonal"), {"mean": mean, "scale": scale, "weights_noise": noise}),
    ):
        program = MultiTaskModel(prior, Bernoulli()).program(data).double()
        batch = program.batch(data, dtype=torch.float64)
        draws = SiteDraws(values, frozenset({"weights_noise"}))
        found.append(log_densities(together(program, (batch,), draws), 3)["y"])
    assert torch.allclose(found[0], found[1], rtol=1e-9)
