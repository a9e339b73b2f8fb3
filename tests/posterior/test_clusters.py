"""The table of clusters, against planted ones, whatever labels the draws use."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
import pytest
import torch
from torch import Tensor

from bayes_mtl import MultiTaskModel, Posterior, TaskData
from bayes_mtl._errors import InputError, UnsupportedError
from bayes_mtl._shapes import Dims
from bayes_mtl.likelihoods import Bernoulli, Gaussian, Mixed
from bayes_mtl.posterior import clusters
from bayes_mtl.priors import AbstractTaskPrior, Hierarchical, TaskClustering
from tests.posterior.examples import example, make_data, make_posterior


@dataclass(frozen=True)
class OwnClusters(AbstractTaskPrior):
    """A prior with assignments that leaves the labels as they fall."""

    def weights(self, dims: Dims) -> Tensor:
        return Hierarchical(covariance="diagonal").weights(dims)

    def derive(self, draws: Mapping[str, Tensor], dims: Dims) -> dict[str, Tensor]:
        return {"assignment": torch.full((len(draws["weights"]), dims.tasks, 3), 1 / 3)}


@pytest.mark.parametrize("kind", ["dirichlet", "sparse", "stick-breaking", "gate"])
def test_probabilities_are_the_means_of_the_draws(kind: str) -> None:
    features = [[0.0], [1.0], [2.0], [4.0]] if kind == "gate" else None
    posterior, _ = example(TaskClustering(3, weights_prior=kind), tasks=4, task_features=features)  # type: ignore[arg-type]
    table = clusters(posterior)
    share = posterior.draws["assignment"].double().mean(0).numpy()
    assert list(table.index) == list(posterior.tasks) and table.index.name == "task"
    np.testing.assert_allclose(table[["cluster 0", "cluster 1", "cluster 2"]], share, atol=1e-12)
    np.testing.assert_array_equal(table["cluster"], share.argmax(1))
    np.testing.assert_array_equal(table["probability"], share.max(1))


def test_labels_that_every_draw_exchanges_are_put_right() -> None:
    posterior, _ = example(OwnClusters(), tasks=6, draws=60)
    truth = np.array([1, 1, 1, 0, 0, 2])
    sure = torch.nn.functional.one_hot(torch.as_tensor(truth), 3) * 0.85 + 0.05
    rng = np.random.default_rng(0)
    mixed = torch.stack([sure[:, rng.permutation(3)] for _ in range(60)])
    found = clusters(replace(posterior, draws={**posterior.draws, "assignment": mixed}))
    np.testing.assert_array_equal(found["cluster"], [0, 0, 0, 1, 1, 2])  # the largest first
    np.testing.assert_allclose(found["probability"], 0.9, atol=1e-6)  # float32


def test_kinds_of_tasks_have_clusters_of_their_own() -> None:
    data = make_data(tasks=4)
    binary = np.isin(data.task, [0, 2])
    y = np.where(binary, (data.y > np.median(data.y)).astype(float), data.y)
    data = TaskData.from_arrays(data.x, y, data.task, task_names=["a", "b", "c", "d"])
    kinds = {name: Bernoulli() if name in "ac" else Gaussian() for name in "abcd"}
    posterior: Posterior = make_posterior(MultiTaskModel(TaskClustering(2), Mixed(kinds)), data)
    tables = [clusters(posterior, name) for name, _ in posterior.program.kinds]
    assert sorted(list(table.index) for table in tables) == [["a", "c"], ["b", "d"]]
    with pytest.raises(InputError, match="kind: expected one of"):
        clusters(posterior, "other")


def test_a_prior_without_clusters_says_what_to_use() -> None:
    with pytest.raises(UnsupportedError, match="Hierarchical does not assign tasks to clusters"):
        clusters(example()[0])
