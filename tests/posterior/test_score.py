"""Held-out scores, against direct computation."""

import numpy as np
import pytest
from scipy.special import logsumexp

from bayes_mtl import MultiTaskModel, TaskData
from bayes_mtl._errors import InputError
from bayes_mtl.likelihoods import Bernoulli, Gaussian
from bayes_mtl.posterior import Score
from bayes_mtl.priors import Hierarchical, Pooled
from tests.posterior.examples import example, make_data, make_posterior


def test_is_the_log_of_the_mean_density() -> None:
    posterior, data = example(draws=40)
    found = posterior.score(data)
    log = posterior.log_likelihood(data)
    exact = logsumexp(log, axis=0) - np.log(40)
    assert np.allclose(found.log_density, exact, atol=1e-6)
    assert len(found) == len(data)
    assert np.isclose(found.mean, exact.mean()) and np.isclose(found.total, exact.sum())
    for t in range(3):
        own = log[:, data.task == t].sum(1)
        assert np.isclose(found.together[t], logsumexp(own) - np.log(40), atol=1e-5)


def test_table_by_task() -> None:
    posterior, data = example(draws=20)
    one = data.subset(np.flatnonzero(data.task != 1))  # the second task has no held-out rows
    found = posterior.score(one)
    table = found.by_task
    assert list(table.index) == ["school 0", "school 1", "school 2"]
    assert list(table["observations"]) == [6, 0, 6]
    own = found.log_density[found.task == 2]
    row = table.loc["school 2"]
    assert np.isclose(row["mean"], own.mean()) and np.isclose(row["total"], own.sum())
    assert np.isclose(row["se"], own.std(ddof=1) / 6**0.5)
    assert table.loc["school 1", ["mean", "se", "total", "together"]].isna().all()


def test_standard_error_counts_tasks_not_observations() -> None:
    # Tasks that share one value each: as many independent values as there are tasks.
    random = np.random.default_rng(0)
    level = random.normal(size=400)
    task = np.repeat(np.arange(400), 5)
    found = Score(level[task], np.zeros(400), task, tuple(map(str, range(400))), np.zeros(2000))
    assert np.isclose(found.se, level.std(ddof=1) / 400**0.5)
    alone = Score(level, np.zeros(1), np.zeros(400, int), ("a",), np.zeros(400))
    assert np.isclose(alone.se, level.std(ddof=1) / 400**0.5)


@pytest.mark.parametrize("used", [[1], [0], [2, 5], [0, 1]])
def test_standard_error_is_over_the_tasks_with_observations(used: list[int]) -> None:
    level = np.random.default_rng(0).normal(size=40)
    task = np.repeat(used, 40 // len(used))
    found = Score(level, np.zeros(7), task, tuple("abcdefg"), np.zeros(40))
    names, task = tuple("abcdefg"[t] for t in used), np.unique(task, return_inverse=True)[1]
    alone = Score(level, np.zeros(len(used)), task, names, np.zeros(40))
    expected = level.std(ddof=1) / 40**0.5
    if len(used) == 2:  # the sums of both tasks are the same but for their sign
        expected = np.sqrt(2 * 2 * (level[:20] - level.mean()).sum() ** 2) / 40
    assert np.isclose(found.se, expected) and np.isclose(alone.se, expected)


def test_difference_of_two_models() -> None:
    first, data = example(Hierarchical(), draws=20)
    second, _ = example(Pooled(), draws=20)
    gain = first.score(data) - second.score(data)
    assert np.isclose(gain.mean, first.score(data).mean - second.score(data).mean)
    assert gain.se > 0
    with pytest.raises(InputError, match="same observations"):
        first.score(data) - second.score(data.subset(np.arange(5)))
    other = TaskData.from_arrays(data.x, data.y[::-1].copy(), data.task, task_names=list(data.schema.tasks))
    with pytest.raises(InputError, match="same observations"):
        first.score(data) - second.score(other)


def test_new_tasks_take_their_weights_from_the_prior() -> None:
    posterior, data = example(draws=30)
    new = TaskData.from_arrays(data.x, data.y, data.task, task_names=["a", "b", "c"])
    found = posterior.score(new, new_task=True, repeats=3, seed=5)
    assert found.tasks == ("a", "b", "c")
    log = np.concatenate([posterior.log_likelihood(new, new_task=True, seed=5 + i) for i in range(3)])
    assert np.allclose(found.log_density, logsumexp(log, axis=0) - np.log(90), atol=1e-6)
    own = log[:, new.task == 1].sum(1)
    assert np.isclose(found.together[1], logsumexp(own) - np.log(90), atol=1e-5)
    with pytest.raises(InputError, match="repeats: expected at least 1"):
        posterior.score(new, new_task=True, repeats=0)


def test_parts_are_joined_by_the_names_of_tasks() -> None:
    posterior, data = example(draws=20)
    whole = posterior.score(data)
    halves = [posterior.score(data.subset(np.arange(i, len(data), 2))) for i in range(2)]
    joined = Score.join(halves)
    assert joined.tasks == whole.tasks and np.isclose(joined.total, whole.total)
    assert np.isclose(joined.se, whole.se)
    assert np.allclose(joined.together, halves[0].together + halves[1].together)
    with pytest.raises(InputError, match="at least one"):
        Score.join([])


def test_other_likelihoods_and_what_it_looks_like() -> None:
    plain = make_data()
    data = TaskData.from_arrays(plain.x, (plain.y > 100).astype(float), plain.task)
    found = make_posterior(MultiTaskModel(Hierarchical(), Bernoulli()), data, draws=20).score(data)
    assert (found.log_density <= 0).all()
    assert repr(found).startswith(f"Score({found.mean:.4f} nats an observation, standard error ")
    assert repr(found).endswith("18 observations of 3 tasks)")


def test_units_are_the_users() -> None:
    posterior, data = example(Pooled(), Gaussian(), draws=20)
    wide = TaskData.from_arrays(data.x, 1000 * data.y, data.task, task_names=list(data.schema.tasks))
    other = make_posterior(MultiTaskModel(Pooled(), Gaussian()), wide, draws=20)
    # The same standardised draws: a density per unit falls by the factor of the units.
    assert np.allclose(
        other.score(wide).log_density, posterior.score(data).log_density - np.log(1000), atol=1e-3
    )
