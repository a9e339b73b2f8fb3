"""Sites of correlations are sampled as Cholesky factors and shown as correlations."""

from dataclasses import replace

import numpy as np
import pytest

from bayes_mtl import MultiTaskModel, Posterior, fit
from bayes_mtl.datasets import hierarchical_tasks
from bayes_mtl.likelihoods import Gaussian
from bayes_mtl.posterior._axes import named_draws
from bayes_mtl.priors import AbstractTaskPrior, Hierarchical, TaskClustering, TaskCovariance


def fitted(prior: AbstractTaskPrior) -> Posterior:
    data, _ = hierarchical_tasks(tasks=8, rows=12, features=2, seed=0)
    return fit(MultiTaskModel(prior, Gaussian()), data)


@pytest.mark.parametrize(
    ("site", "prior"),
    [
        ("correlation", Hierarchical()),
        ("cluster_correlation", TaskClustering(clusters=2)),
        ("task_correlation", TaskCovariance()),
    ],
)
@pytest.mark.filterwarnings("ignore:The posterior is not curved downwards")
def test_factors_are_multiplied_out(site: str, prior: AbstractTaskPrior) -> None:
    posterior = fitted(prior)
    factor = posterior.draws[site][:, 0].double().numpy()
    found = named_draws(posterior)[site].values
    # rows of float32 factors have length 1 up to rounding
    np.testing.assert_allclose(found, np.einsum("...ij,...kj->...ik", factor, factor), atol=1e-5)
    assert np.all(np.diagonal(found, axis1=-2, axis2=-1) == 1.0)
    assert np.array_equal(found, found.swapaxes(-1, -2))


def test_a_matrix_of_ones_own_stays_as_it_is() -> None:
    posterior = fitted(Hierarchical())
    factor = posterior.draws["correlation"]
    own = replace(posterior, draws={**posterior.draws, "correlation": factor @ factor.mT})
    found = named_draws(own)["correlation"].values
    np.testing.assert_array_equal(found, own.draws["correlation"][:, 0].numpy())
