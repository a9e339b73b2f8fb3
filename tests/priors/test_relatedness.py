"""How priors relate tasks, against direct computation."""

import numpy as np
import torch

from bayes_mtl import MultiTaskModel
from bayes_mtl._shapes import Dims
from bayes_mtl.likelihoods import Gaussian
from bayes_mtl.priors import Hierarchical, Pooled, TaskClustering
from tests.posterior.examples import make_data, make_posterior


def test_by_default_it_is_the_cosine_of_deviations() -> None:
    weights = torch.randn(5, 4, 3, 2)
    found = Hierarchical().relatedness({"weights": weights}, Dims(4, 3, 2)).numpy()
    for s in range(5):
        flat = weights[s].reshape(4, -1).numpy()
        flat = flat - flat.mean(0)
        for i in range(4):
            for j in range(4):
                cosine = flat[i] @ flat[j] / np.linalg.norm(flat[i]) / np.linalg.norm(flat[j])
                assert np.isclose(found[s, i, j], cosine, atol=1e-5)


def test_tasks_that_do_not_differ_have_no_direction() -> None:
    weights = torch.ones(5, 4, 3, 1)
    found = Pooled().relatedness({"weights": weights}, Dims(4, 3))
    assert torch.equal(found, torch.zeros(5, 4, 4))


def test_clusters_are_related_by_their_assignments() -> None:
    posterior = make_posterior(MultiTaskModel(TaskClustering(3), Gaussian()), make_data(tasks=5), draws=6)
    share = posterior.draws["assignment"].numpy()
    dims = posterior.program.dims()
    found = posterior.program.prior.relatedness(posterior.draws, dims).numpy()
    for i in range(5):
        assert np.allclose(found[:, i, i], 1.0)
        for j in range(i):
            assert np.allclose(found[:, i, j], (share[:, i] * share[:, j]).sum(-1), atol=1e-5)
