"""How alike some tasks are is that part of what all tasks are, at every draw."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pytest
from torch import Tensor

from bayes_mtl import MultiTaskModel, TaskData
from bayes_mtl._shapes import Dims
from bayes_mtl.likelihoods import Bernoulli, Gaussian, Mixed
from bayes_mtl.posterior import _relatedness
from bayes_mtl.priors import (
    AbstractGaussianTaskPrior,
    AbstractTaskPrior,
    Hierarchical,
    Moments,
    TaskClustering,
    TaskCovariance,
)
from tests.posterior.examples import example, make_data, make_posterior


@dataclass(frozen=True)
class OwnRelatedness(AbstractGaussianTaskPrior):
    """The quicker way of the class above it belongs to another relatedness."""

    def moments(self, dims: Dims) -> Moments:
        return Hierarchical(covariance="diagonal").moments(dims)

    def relatedness(self, draws: Mapping[str, Tensor], dims: Dims) -> Tensor:
        level = draws["weights"][..., 0, 0]
        return -(level[:, :, None] - level[:, None]).abs()


PRIORS = [Hierarchical(), TaskCovariance(), TaskClustering(2), OwnRelatedness()]


@pytest.mark.parametrize("prior", PRIORS, ids=lambda prior: type(prior).__name__)
def test_some_tasks_are_the_part_of_all(prior: AbstractTaskPrior, monkeypatch: pytest.MonkeyPatch) -> None:
    posterior, _ = example(prior, tasks=6, draws=120)
    names = ["school 4", "school 1", "school 5"]
    whole = prior.relatedness(posterior.draws, posterior.program.dims()).double().numpy()
    whole = whole[:, [4, 1, 5]][..., [4, 1, 5]]
    monkeypatch.setattr(_relatedness, "_LARGEST", 120 * 9)  # room for three tasks, not for six
    found = posterior.relatedness(names, level=0.5)
    assert found.draws == 120
    assert list(found.mean.index) == names
    np.testing.assert_allclose(found.mean, whole.mean(0), atol=1e-6)
    np.testing.assert_allclose(found.lower, np.quantile(whole, 0.25, axis=0), atol=1e-6)
    assert posterior.relatedness().draws == 50


def test_all_tasks_are_not_related_for_the_sake_of_some(monkeypatch: pytest.MonkeyPatch) -> None:
    posterior, _ = example(TaskClustering(2), tasks=6, draws=20)
    asked = []
    way = TaskClustering.related_among
    monkeypatch.setattr(
        TaskClustering, "related_among", lambda *given: (asked.append(len(given[-1])), way(*given))[1]
    )
    posterior.relatedness(["school 4", "school 1"])
    assert asked == [2]


def test_tasks_of_different_kinds_are_not_related() -> None:
    data = make_data(tasks=4)
    binary = np.isin(data.task, [0, 2])
    y = np.where(binary, (data.y > np.median(data.y)).astype(float), data.y)
    data = TaskData.from_arrays(data.x, y, data.task, task_names=["a", "b", "c", "d"])
    kinds = {name: Bernoulli() if name in "ac" else Gaussian() for name in "abcd"}
    posterior = make_posterior(MultiTaskModel(TaskClustering(2), Mixed(kinds)), data)
    whole = posterior.relatedness().mean
    some = posterior.relatedness(["d", "a", "c"]).mean
    np.testing.assert_allclose(some, whole.loc[["d", "a", "c"], ["d", "a", "c"]], atol=1e-6)
    assert np.isnan(some.loc["d", "a"]) and np.isfinite(some.loc["a", "c"])
