"""Models side by side."""

import numpy as np
import pytest
from scipy.optimize import minimize_scalar

from bayes_mtl import MultiTaskModel, Posterior, TaskData
from bayes_mtl._errors import InputError
from bayes_mtl.diagnostics import compare, loo
from bayes_mtl.diagnostics._stacking import stacking
from bayes_mtl.inference import MAP, Collapsed
from bayes_mtl.likelihoods import Gaussian
from bayes_mtl.priors import Hierarchical, Independent
from tests.diagnostics.posteriors import data as made


def data() -> TaskData:
    return made(12, 8)


NAMES = {"population": Hierarchical(), "$alone_{<b>": Independent()}


@pytest.fixture(scope="module")
def posteriors() -> dict[str, Posterior]:
    inference = Collapsed(draws=500)
    return {name: inference.run(MultiTaskModel(prior, Gaussian()), data()) for name, prior in NAMES.items()}


def test_the_best_is_first_and_differences_are_paired(posteriors: dict[str, Posterior]) -> None:
    table = compare(posteriors, data())
    assert list(table.index) == ["population", "$alone_{<b>"]
    one, other = (loo(posteriors[name], data()) for name in table.index)
    difference = other.elpd - one.elpd
    assert table["difference"].tolist() == pytest.approx([0.0, difference.sum()])
    assert table["se_difference"].iloc[1] == pytest.approx(np.sqrt(96) * difference.std())
    for name, own in zip(table.index, (one, other), strict=True):
        row = table.loc[name]
        assert row["elpd"] == pytest.approx(own.elpd.sum())
        assert row["se"] == pytest.approx(np.sqrt(96) * own.elpd.std())
        assert row["gap"] == pytest.approx(own.gap.sum())
        assert row["pareto_k"] == own.pareto_k.max() and row["unreliable"] == own.unreliable.sum()
    assert table["weight"].sum() == pytest.approx(1.0)
    assert table["weight"].iloc[0] > 0.5


def test_hyperparameters_at_a_point_are_warned_of(posteriors: dict[str, Posterior]) -> None:
    point = Collapsed(MAP(laplace=0), draws=100).run(MultiTaskModel(Hierarchical(), Gaussian()), data())
    with pytest.warns(UserWarning, match=r"All draws of 'at its mode' share the same hyperparameters"):
        compare({"at its mode": point, "drawn": posteriors["population"]}, data())
    assert len(compare({"one": point, "other": point}, data())) == 2  # alike: fair, and no warning


def test_fits_with_other_features_are_compared_on_their_own_data(posteriors: dict[str, Posterior]) -> None:
    full = data()
    less = TaskData.from_arrays(
        full.x[:, :1], full.y, full.task, task_names=list(full.schema.tasks), feature_names=["age"]
    )
    one = posteriors["population"]
    other = Collapsed(draws=500).run(MultiTaskModel(Hierarchical(), Gaussian()), less)
    table = compare({"without intake": (other, less), "with": (one, full)})
    assert list(table.index) == ["with", "without intake"]
    difference = loo(other, less).elpd - loo(one, full).elpd
    assert table["difference"].tolist() == pytest.approx([0.0, difference.sum()])
    assert table["se_difference"].iloc[1] == pytest.approx(np.sqrt(96) * difference.std())
    assert table["difference"].iloc[1] < -2 * table["se_difference"].iloc[1]  # slopes of 0.5 and noise of 0.5
    mixed = compare({"without intake": (other, less), "with": one}, full)
    np.testing.assert_array_equal(mixed.to_numpy(), table.to_numpy())
    with pytest.raises(InputError, match="data: expected the data of 'with', found none"):
        compare({"without intake": (other, less), "with": one})
    turned = TaskData.from_arrays(
        less.x, less.y[::-1].copy(), less.task, task_names=list(less.schema.tasks), feature_names=["age"]
    )
    with pytest.raises(InputError, match="expected fits to the same observations"):
        compare({"with": (one, full), "other": (other, turned)})


def test_over_tasks(posteriors: dict[str, Posterior]) -> None:
    both = {"a": posteriors["population"], "b": posteriors["population"]}
    table = compare(both, data(), over="tasks")
    assert table["difference"].tolist() == [0.0, 0.0]
    assert table["weight"].tolist() == pytest.approx([0.5, 0.5])


def test_weights_are_the_optimum() -> None:
    elpd = np.random.default_rng(0).normal(size=(50, 2)) - [0.0, 0.3]
    found = stacking(elpd)

    def loss(share: float) -> float:
        return -np.log(share * np.exp(elpd[:, 0]) + (1 - share) * np.exp(elpd[:, 1])).mean()

    best = minimize_scalar(loss, bounds=(0, 1), method="bounded", options={"xatol": 1e-8})
    assert loss(found[0]) <= best.fun + 1e-6  # what `stacking` promises
    worse = np.column_stack([np.zeros(50), np.full(50, -1.0)])
    assert stacking(worse)[0] > 0.999


def test_what_is_refused(posteriors: dict[str, Posterior], unchecked: None) -> None:
    with pytest.raises(InputError, match="at least two, by name, found 1"):
        compare({"a": posteriors["population"]}, data())
    with pytest.raises(InputError, match="over: expected 'observations' or 'tasks'"):
        compare(posteriors, data(), over="rows")
