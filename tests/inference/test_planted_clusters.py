"""Clusters of tasks that were planted are found."""

from typing import Literal

import numpy as np
import pytest
from sklearn.metrics import adjusted_rand_score

from bayes_mtl import MultiTaskModel, Posterior, fit
from bayes_mtl.datasets import clustered_tasks
from bayes_mtl.likelihoods import Gaussian
from bayes_mtl.priors import TaskClustering
from tests.crossed import crossed


def found(prior: TaskClustering, seed: int) -> tuple[Posterior, np.ndarray]:
    """Three weights a task: centres scatter by 2, tasks around theirs by 0.1."""
    data, truth = clustered_tasks(24, rows=20, features=2, clusters=3, seed=seed)
    return fit(MultiTaskModel(prior, Gaussian()), data, seed=seed), truth.labels


@pytest.mark.parametrize("seed", range(4))
def test_three_clusters_are_found(seed: int) -> None:
    posterior, labels = found(TaskClustering(3), seed)
    assert posterior.record.method == "Collapsed(MAP)"
    assignment = posterior.draws["assignment"]
    assert adjusted_rand_score(labels, assignment.mean(0).argmax(-1)) == 1.0
    together = labels[:, None] == labels
    # The clusters do not overlap: every draw knows who belongs to whom.
    same = posterior.program.prior.relatedness(posterior.draws, posterior.program.dims()).mean(0).numpy()
    assert same[together].min() > 0.95
    assert same[~together].max() < 0.05


@pytest.mark.parametrize(("weights", "seed"), crossed(["sparse", "stick-breaking"], range(2), every=2))
def test_clusters_that_are_not_needed_stay_empty(
    weights: Literal["sparse", "stick-breaking"], seed: int
) -> None:
    posterior, labels = found(TaskClustering(10, weights_prior=weights), seed)
    assignment = posterior.draws["assignment"].mean(0)
    occupancy = assignment.sum(0)
    assert int((occupancy > 0.5).sum()) == 3
    assert adjusted_rand_score(labels, assignment.argmax(-1)) == 1.0
