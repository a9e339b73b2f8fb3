"""Where a mixture of tasks starts: planted clusters are found."""

import pytest
import torch
from sklearn.metrics import adjusted_rand_score

from bayes_mtl._shapes import Dims
from bayes_mtl.priors._cluster_start import cluster_start

LABELS = torch.tensor([0] * 12 + [1] * 9 + [2] * 6)
CENTRES = torch.tensor([[0.0, 0.0], [4.0, 0.0], [0.0, 4.0]])


def estimates() -> torch.Tensor:
    noise = torch.randn(27, 2, generator=torch.Generator().manual_seed(0))
    return (CENTRES[LABELS] + 0.3 * noise).unsqueeze(-1)


@pytest.mark.parametrize(("clusters", "search"), [(3, False), (3, True), (8, True)])
def test_planted_clusters_are_found(clusters: int, search: bool) -> None:
    found = cluster_start(estimates(), Dims(27, 2), clusters, search=search)
    share, mean = found["cluster_weights"], found["cluster_mean"][..., 0]
    assert share.shape == (clusters,) and torch.isclose(share.sum(), torch.tensor(1.0))
    nearest = torch.cdist(estimates()[..., 0], mean[share > 0.1]).argmin(1)
    assert int((share > 0.1).sum()) == 3
    assert adjusted_rand_score(LABELS.numpy(), nearest.numpy()) == 1.0
    # the spread within a cluster, 4 standard errors of 6 tasks
    within = found["cluster_scale"][share > 0.1]
    assert ((within > 0.1 - 1e-6) & (within < 0.3 * (1 + 4 / 12**0.5))).all()
    assert found["cluster_scale"].shape == (clusters, 2, 1)


def test_more_clusters_than_tasks() -> None:
    found = cluster_start(estimates()[:3], Dims(3, 2), 5, search=False)
    assert torch.isfinite(found["cluster_mean"]).all() and (found["cluster_scale"] > 0).all()
    assert (found["cluster_weights"] > 0).all()


@pytest.mark.parametrize("search", [False, True])
def test_one_task_is_one_cluster(search: bool) -> None:
    found = cluster_start(estimates()[:1], Dims(1, 2), 3, search=search)
    assert found["cluster_weights"].argmax() == 0
    assert torch.equal(found["cluster_mean"][0], estimates()[0])


def test_equal_tasks_are_one_cluster() -> None:
    found = cluster_start(torch.ones(10, 2, 1), Dims(10, 2), 4, search=True)
    assert int((found["cluster_weights"] > 0.1).sum()) == 1
