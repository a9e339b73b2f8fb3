"""How priors relate tasks, against direct computation."""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from bayes_mtl import MultiTaskModel
from bayes_mtl._shapes import Dims
from bayes_mtl.likelihoods import Gaussian
from bayes_mtl.priors import (
    AbstractGaussianTaskPrior,
    AbstractTaskPrior,
    Hierarchical,
    Independent,
    LowRank,
    Moments,
    Pooled,
    TaskClustering,
)
from tests.posterior.examples import example, make_data, make_posterior


class _Own(AbstractTaskPrior):
    def weights(self, dims: Dims) -> Tensor:
        return torch.zeros(dims.tasks, *dims.weights)


@dataclass(frozen=True)
class _OwnMean(AbstractGaussianTaskPrior):
    mean: Tensor

    def moments(self, dims: Dims) -> Moments:
        return Moments(self.mean, torch.ones(dims.weights))


def cosine(a: np.ndarray, b: np.ndarray) -> float:
    a, b = a.ravel(), b.ravel()
    return float(a @ b / np.linalg.norm(a) / np.linalg.norm(b))


def test_gaussian_priors_compare_the_deviations_from_their_mean() -> None:
    posterior, _ = example(Hierarchical(), tasks=4, draws=5)
    draws = posterior.draws
    found = Hierarchical().relatedness(draws, posterior.program.dims()).numpy()
    deviation = (draws["weights"] - draws["mean"]).numpy()
    for s in range(5):
        for i in range(4):
            for j in range(4):
                assert np.isclose(found[s, i, j], cosine(deviation[s, i], deviation[s, j]), atol=1e-5)


def test_a_mean_that_depends_on_the_task_is_taken_task_by_task() -> None:
    weights, mean = torch.randn(6, 3, 2, 1), torch.randn(3, 2, 1)
    found = _OwnMean(mean).relatedness({"weights": weights}, Dims(3, 2)).numpy()
    deviation = (weights - mean).numpy()
    for s in range(6):
        assert np.isclose(found[s, 0, 2], cosine(deviation[s, 0], deviation[s, 2]), atol=1e-5)


def test_other_priors_compare_the_deviations_from_the_average_task() -> None:
    weights = torch.randn(5, 4, 3, 2)
    found = _Own().relatedness({"weights": weights}, Dims(4, 3, 2)).numpy()
    deviation = (weights - weights.mean(1, keepdim=True)).numpy()
    for s in range(5):
        for i in range(4):
            for j in range(4):
                assert np.isclose(found[s, i, j], cosine(deviation[s, i], deviation[s, j]), atol=1e-5)


def test_two_tasks_of_the_prior_are_unrelated_on_average() -> None:
    # Around the average of two tasks their cosine is -1 whatever they are.
    draws = 150
    for prior in (Hierarchical(), Independent(), LowRank(rank=1)):
        posterior, _ = example(prior, tasks=2, draws=draws)
        found = prior.relatedness(posterior.draws, posterior.program.dims())[:, 0, 1]
        # The sign of a deviation is a fair coin; 4 Monte-Carlo standard errors.
        assert abs(float(found.mean())) < 4 * float(found.std()) / draws**0.5
        assert float(found.std()) > 0.3


def test_two_tasks_that_differ_from_the_mean_alike_are_related() -> None:
    mean = torch.zeros(5, 1, 3, 1)
    weights = torch.tensor([1.0, 2.0, -1.0])[:, None] * torch.tensor([1.0, 0.5])[:, None, None]
    draws = {"mean": mean, "scale": torch.ones_like(mean), "weights": weights.expand(5, 2, 3, 1)}
    found = Hierarchical(covariance="diagonal").relatedness(draws, Dims(2, 3))
    assert torch.allclose(found, torch.ones(5, 2, 2))


def test_a_task_that_does_not_differ_is_related_to_itself_alone() -> None:
    mean = torch.randn(5, 1, 3, 1)
    draws = {"mean": mean, "scale": torch.ones_like(mean), "weights": mean.expand(5, 4, 3, 1)}
    found = Hierarchical(covariance="diagonal").relatedness(draws, Dims(4, 3))
    assert torch.equal(found, torch.eye(4).expand(5, 4, 4))
    assert torch.equal(_Own().relatedness(draws, Dims(4, 3)), torch.eye(4).expand(5, 4, 4))


def test_pooled_tasks_are_one() -> None:
    posterior, _ = example(Pooled(), tasks=3)
    assert (posterior.relatedness().mean == 1.0).all(axis=None)


def test_clusters_are_related_by_their_assignments() -> None:
    posterior = make_posterior(MultiTaskModel(TaskClustering(3), Gaussian()), make_data(tasks=5), draws=6)
    share = posterior.draws["assignment"].numpy()
    dims = posterior.program.dims()
    found = posterior.program.prior.relatedness(posterior.draws, dims).numpy()
    for i in range(5):
        assert np.allclose(found[:, i, i], 1.0)
        for j in range(i):
            assert np.allclose(found[:, i, j], (share[:, i] * share[:, j]).sum(-1), atol=1e-5)
