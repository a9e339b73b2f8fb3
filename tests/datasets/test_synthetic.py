"""Synthetic tasks, against the truth they come with."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from bayes_mtl._errors import BayesMTLError
from bayes_mtl.data import TaskData
from bayes_mtl.datasets import (
    Truth,
    bernoulli_targets,
    clustered_tasks,
    hierarchical_tasks,
    low_rank_tasks,
    poisson_targets,
    tree_tasks,
)

FAMILIES = [clustered_tasks, hierarchical_tasks, low_rank_tasks, tree_tasks]
Family = Callable[..., tuple[TaskData, Truth]]


@pytest.mark.parametrize("make", FAMILIES)
def test_least_squares_recovers_the_weights(make: Family) -> None:
    data, truth = make(tasks=6, rows=400, features=2, noise=0.5, seed=3)
    assert truth.weights.shape == (6, 3) and truth.noise == 0.5
    for task, weights in enumerate(truth.weights):
        mine = data.task == task
        design = np.c_[np.ones(mine.sum()), data.x[mine]]
        found, residual, *_ = np.linalg.lstsq(design, data.y[mine], rcond=None)
        # 4.5 standard errors 0.5 / sqrt(400) of 18 weights; columns are nearly orthogonal
        np.testing.assert_allclose(found, weights, atol=4.5 * 0.5 / 20 * 1.1)
        np.testing.assert_allclose(np.sqrt(residual / 397), 0.5, atol=4 * 0.5 / np.sqrt(2 * 397))


@pytest.mark.parametrize(
    ("make", "more"),
    [(hierarchical_tasks, {"scale": 0.7, "correlation": 0.4}), (low_rank_tasks, {"rank": 2, "within": 0.3})],
)
def test_weights_have_the_stated_moments(make: Family, more: dict[str, Any]) -> None:
    _, truth = make(tasks=20_000, rows=1, features=2, seed=1, **more)
    sd = np.sqrt(np.diag(truth.covariance))
    # 4 standard errors of 20,000 tasks: sd / 141 for a mean, at most sqrt(2) sd_i sd_j / 141 for a covariance
    assert (np.abs(truth.weights.mean(0) - truth.mean) < 4 * sd / 141).all()
    error = 4 * np.sqrt(2) * np.outer(sd, sd) / 141
    assert (np.abs(np.cov(truth.weights.T) - truth.covariance) < error).all()


def test_low_rank_is_low_rank() -> None:
    _, truth = low_rank_tasks(tasks=30, features=6, rank=2, within=0.0)
    values = np.linalg.svd(truth.weights, compute_uv=False)
    assert values[1] > 0.1 and values[2] < 1e-10  # float64 rounding


def test_clusters_are_even_and_lie_around_their_centres() -> None:
    data, truth = clustered_tasks(tasks=50, clusters=4, within=0.1, seed=2)
    assert truth.labels is not None
    assert sorted(np.bincount(truth.labels)) == [12, 12, 13, 13]
    assert truth.mean.shape == (4, 4)
    away = truth.weights - truth.mean[truth.labels]
    # 4 standard errors of an sd from 200 numbers
    np.testing.assert_allclose(away.std(), 0.1, atol=4 * 0.1 / np.sqrt(400))
    assert len(data.schema.tasks) == 50 and data.schema.tasks[7] == "task07"


@pytest.mark.parametrize("groups", [None, 2])
def test_weights_of_a_tree_have_the_covariance_of_its_kernel(groups: int | None) -> None:
    _, truth = tree_tasks(tasks=6, rows=1, features=9_999, groups=groups, scale=0.7, seed=2)
    assert truth.tree is not None
    below, lca = [{t} for t in range(6)], np.zeros((6, 6))
    for first, second, time in truth.tree:
        for one in below[int(first)]:
            for other in below[int(second)]:
                lca[one, other] = lca[other, one] = time
        below.append(below[int(first)] | below[int(second)])
    assert below[-1] == set(range(6)) and (np.diff(truth.tree[:, 2]) > 0).all()
    expected = 0.7**2 * (lca.max() - lca)
    away = truth.weights - truth.mean
    # 4.5 standard errors of 36 covariances from 10,000 weights
    error = 4.5 * np.sqrt(2) * expected.max() / 100
    np.testing.assert_allclose(away @ away.T / 10_000, expected, atol=error)
    np.testing.assert_allclose(np.diag(truth.covariance), expected[0, 0])


def test_groups_of_a_tree_are_even_and_merge_early() -> None:
    _, truth = tree_tasks(tasks=10, groups=4, within=0.3, seed=1)
    assert truth.labels is not None and truth.tree is not None
    assert sorted(np.bincount(truth.labels)) == [2, 2, 3, 3]
    assert (truth.tree[:6, 2] <= 0.3 + 1e-9).all()  # float64 rounding
    np.testing.assert_allclose(truth.tree[6:, 2], [0.6, 0.8, 1.0])
    below = [{t} for t in range(10)]
    for first, second, _ in truth.tree:
        below.append(below[int(first)] | below[int(second)])
    for group in range(4):
        assert set(np.flatnonzero(truth.labels == group)) in below


def test_a_kingman_tree_has_the_expected_depth() -> None:
    depth = [tree_tasks(tasks=8, rows=1, features=1, seed=s)[1].tree[-1, 2] for s in range(500)]  # type: ignore[index]
    # sum of Exp(k (k - 1) / 2), k = 2..8: mean 2 (1 - 1 / 8), variance sum of squares; 4 standard errors
    variance = sum((2 / (k * (k - 1))) ** 2 for k in range(2, 9))
    np.testing.assert_allclose(np.mean(depth), 1.75, atol=4 * np.sqrt(variance / 500))


def test_binary_targets_follow_the_logistic_curve() -> None:
    data, truth = hierarchical_tasks(tasks=1, rows=20_000, features=1, targets=bernoulli_targets)
    assert truth.noise is None and set(data.y) == {0.0, 1.0}
    chance = 1 / (1 + np.exp(-(truth.weights[0, 0] + data.x[:, 0] * truth.weights[0, 1])))
    # residuals have variance p (1 - p); 4 standard errors of their sum, plain and against x
    for factor in (np.ones(20_000), data.x[:, 0]):
        error = np.sqrt((factor**2 * chance * (1 - chance)).sum())
        assert abs((factor * (data.y - chance)).sum()) < 4 * error


def test_counts_follow_the_exponential_curve() -> None:
    data, truth = hierarchical_tasks(tasks=1, rows=20_000, features=1, targets=poisson_targets)
    mean = np.exp(truth.weights[0, 0] + data.x[:, 0] * truth.weights[0, 1])
    assert abs((data.y - mean).sum()) < 4 * np.sqrt(mean.sum())
    assert (data.y == np.floor(data.y)).all()


def test_extreme_predictors_do_not_overflow() -> None:
    rng = np.random.default_rng(0)
    np.testing.assert_array_equal(bernoulli_targets(rng, np.array([-1e6, 1e6])), [0.0, 1.0])
    with pytest.raises(BayesMTLError, match="log mean of at most 40"):
        poisson_targets(rng, np.array([50.0]))


@pytest.mark.parametrize("make", FAMILIES)
def test_seeds_decide(make: Family) -> None:
    first, again, other = make(seed=4)[0], make(seed=4)[0], make(seed=5)[0]
    np.testing.assert_array_equal(first.y, again.y)
    assert not np.array_equal(first.y, other.y)


@pytest.mark.parametrize("make", FAMILIES)
def test_tasks_may_differ_in_size(make: Family) -> None:
    data, _ = make(tasks=3, rows=[1, 5, 2], **({"clusters": 2} if make is clustered_tasks else {}))
    np.testing.assert_array_equal(data.counts, [1, 5, 2])


@pytest.mark.parametrize(
    ("make", "bad", "text"),
    [
        (clustered_tasks, {"tasks": 0}, "tasks: expected at least 1, found 0"),
        (clustered_tasks, {"tasks": 2, "clusters": 3}, "clusters: expected at most 2, the tasks, found 3"),
        (clustered_tasks, {"separation": -1.0}, "separation: expected a finite number of at least 0"),
        (hierarchical_tasks, {"features": 1.5}, "features: expected a whole number, found 1.5"),
        (hierarchical_tasks, {"correlation": 1.5}, "correlation: expected a number from 0 to 1"),
        (hierarchical_tasks, {"rows": [1, 2]}, "rows: expected one number, or 40, found 2"),
        (hierarchical_tasks, {"rows": 0}, "rows: expected at least 1, found 0"),
        (tree_tasks, {"tasks": 1}, "tasks: expected at least 2, to make a tree, found 1"),
        (tree_tasks, {"tasks": 2, "groups": 3}, "groups: expected at most 2, the tasks, found 3"),
        (tree_tasks, {"groups": 2, "within": 0.6}, "within: expected between 0 and 0.6, found 0.6"),
        (low_rank_tasks, {"rank": 9}, "rank: expected at most 7, the weights, found 9"),
        (low_rank_tasks, {"noise": float("nan")}, "noise: expected a finite number"),
        (low_rank_tasks, {"seed": -1}, "seed: expected an integer of at least 0"),
    ],
)
def test_bad_settings(make: Family, bad: dict[str, Any], text: str, unchecked: None) -> None:
    with pytest.raises(BayesMTLError) as caught:
        make(**bad)
    assert text in str(caught.value)
