"""Which leaves of a given tree are which tasks."""

import numpy as np
import pytest

from bayes_mtl import MultiTaskModel, Posterior, TaskData
from bayes_mtl.likelihoods import Gaussian, Mixed, Poisson
from bayes_mtl.priors import LatentCovarianceHierarchy, LatentHierarchy
from tests.posterior.examples import make_posterior

NAMES = ["a", "b", "c", "d"]
TREE = "((d:1,(b:0.5,x:0.5):0.5):3,(c:2,a:2):2);"
"""Leaves in another order than the tasks, and one that is no task. Its root is 4 above the leaves."""

Kind = type[LatentHierarchy] | type[LatentCovarianceHierarchy]


def posterior(kind: Kind, likelihood: Gaussian | Mixed) -> Posterior:
    task = np.repeat(np.arange(4), 5)
    x = np.random.default_rng(0).normal(size=(20, 1))
    data = TaskData.from_arrays(x, np.arange(20.0), task, task_names=NAMES)
    return make_posterior(MultiTaskModel(kind(TREE), likelihood), data, draws=3)


@pytest.mark.parametrize("kind", [LatentHierarchy, LatentCovarianceHierarchy])
def test_leaves_are_the_tasks_of_their_names(kind: Kind) -> None:
    found = posterior(kind, Gaussian()).relatedness().mean
    # shares of the way from the root: a and c part at 2 of 4, b and d at 1 of 4, the rest at the root
    shares = {("a", "c"): 0.5, ("b", "d"): 0.75}
    for one in NAMES:
        for other in NAMES:
            share = 1.0 if one == other else shares.get((min(one, other), max(one, other)), 0.0)
            assert found.loc[one, other] == pytest.approx(share, abs=1e-6)  # float32


@pytest.mark.parametrize("kind", [LatentHierarchy, LatentCovarianceHierarchy])
def test_tasks_of_one_kind_are_their_own_leaves(kind: Kind) -> None:
    """Tasks b and d are counts, the others are not: each kind has its part of the tree."""
    found = posterior(kind, Mixed({"b": Poisson(), "d": Poisson()}, default=Gaussian())).relatedness().mean
    assert found.loc["b", "d"] == pytest.approx(0.75, abs=1e-6)  # float32
    assert found.loc["a", "c"] == pytest.approx(0.5, abs=1e-6)
    assert np.isnan(found.loc["a", "b"])
