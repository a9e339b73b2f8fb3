"""Sparse groups: what groups are, and what is found of them."""

import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from pyro.distributions import HalfCauchy, HalfNormal, LogNormal

from bayes_mtl import MultiTaskModel, TaskData, load
from bayes_mtl._errors import InputError
from bayes_mtl._shapes import Dims
from bayes_mtl.diagnostics import inclusion
from bayes_mtl.inference import SVI, Collapsed, CoordinateAscent
from bayes_mtl.likelihoods import Bernoulli, Gaussian
from bayes_mtl.priors import GroupSparse, Horseshoe, at_draws
from bayes_mtl.priors._feature_groups import group_index, group_rms, group_sizes


def test_groups_leave_the_intercept_out() -> None:
    dims = Dims(2, 4, outputs=2, groups=(1, 0, 1, 2))
    # the intercept comes first, with an index of its own
    assert group_index(dims) == [0, 1, 2]
    dims = Dims(2, 4, outputs=2, groups=(2, 0, 1, 0))
    assert group_index(dims) == [0, 1, 0] and group_sizes(dims) == [2, 1]
    assert group_index(Dims(2, 3)) == [0, 1]
    weights = torch.randn(5, 2, 4, 2)
    found = group_rms(weights, dims)
    expected = weights[:, :, [1, 3]].square().mean((1, 2, 3)).sqrt()
    assert found.shape == (5, 1, 2) and torch.allclose(found[:, 0, 0], expected)


def sparse_tasks(rows: int, features: int, live: int, tasks: int = 4, seed: int = 0) -> TaskData:
    """Shared inputs far from standardised, an intercept in each task, the first features alive."""
    random = np.random.default_rng(seed)
    weights = np.zeros((features, tasks))
    weights[:live] = random.normal(size=(live, tasks)) + 1.0
    x = random.normal(size=(rows, features))
    y = 50.0 + 10 * np.arange(tasks) + x @ weights + 0.5 * random.normal(size=(rows, tasks))
    y[random.uniform(size=y.shape) < 0.2] = np.nan
    return TaskData.from_outputs(3 * x - 7, y)


def test_groups_are_called_by_name_and_survive_a_file(tmp_path: Path) -> None:
    data = sparse_tasks(120, 6, 2)
    posterior = CoordinateAscent().run(MultiTaskModel(GroupSparse(), Gaussian()), data)
    table = inclusion(posterior)
    assert set(table.index[:2]) == {"x0", "x1"} and (table["call"][:2] == "alive").all()
    assert (table["call"][2:] == "dead").all() and (table["upper"][2:] < 0.05).all()
    assert (table["lower"] <= table["mean"]).all() and table["probability"].between(0, 1).all()
    # intercepts are far apart and stay so
    found = posterior.weights().loc[:, "mean"].xs("Intercept", level="feature")
    assert np.ptp(found.to_numpy()) > 25
    again = load(posterior.save(tmp_path / "sparse.safetensors"))
    assert inclusion(again).equals(table)
    assert list(again.to_arviz().posterior["group_rms"]["group"].values) == [f"x{i}" for i in range(6)]
    with pytest.raises(InputError, match="level"):
        inclusion(posterior, level=95)


def test_far_fewer_rows_than_features() -> None:
    """20 rows for 60 weights a task: two live features are found among 60."""
    train, test = sparse_tasks(20, 60, 2, tasks=6), sparse_tasks(300, 60, 2, tasks=6)
    posterior = CoordinateAscent().run(MultiTaskModel(GroupSparse(), Gaussian()), train)
    assert set(inclusion(posterior).index[:2]) == {"x0", "x1"}
    error = ((posterior.predict(test).mean - test.y) ** 2).mean()
    # the noise's variance is 0.25, that of the signal above 4; least squares that knew the two live
    # features would have 0.25 (1 + 3 / (16 - 4)) = 0.31
    assert error < 0.6


def test_directions_that_are_not_needed_are_given_up() -> None:
    """Weights of rank 1 over twelve tasks: one of four directions keeps its strength."""
    random = np.random.default_rng(3)
    weights = 1.5 * np.outer(random.normal(size=6), random.normal(size=12))
    x = random.normal(size=(60, 6))
    data = TaskData.from_outputs(x, x @ weights + 0.3 * random.normal(size=(60, 12)), intercept=False)
    inference = CoordinateAscent(iterations=200)
    posterior = inference.run(MultiTaskModel(GroupSparse(rank=4), Gaussian()), data)
    strength = posterior.draws["strength"][:, 0].mean(0).sort(descending=True).values
    # below a tenth a direction adds less than 1 % of the variance
    assert strength[0] > 0.5 and strength[1] < 0.1
    assert posterior.draws["own_scale"].mean() < 0.3
    new = posterior.predict(x[:5], new_task=True)
    assert np.isfinite(new.mean).all()


def test_classification() -> None:
    random = np.random.default_rng(0)
    x = random.normal(size=(150, 8))
    weights = np.zeros((8, 4))
    weights[:2] = 2.5 * np.sign(random.normal(size=(2, 4)))
    task = np.arange(600) % 4
    rows = np.repeat(x, 4, axis=0)
    y = (rows * weights[:, task].T).sum(1) + random.logistic(size=600) > 0
    data = TaskData.from_arrays(rows, y.astype(float), task, groups={"a": ["x0", "x1"], "b": ["x2", "x3"],
        "c": ["x4", "x5"], "d": ["x6", "x7"]})  # fmt: skip
    svi = SVI(steps=400, learning_rate=0.1, particles=2, progress=False)
    table = inclusion(svi.run(MultiTaskModel(GroupSparse(), Bernoulli()), data), negligible=0.3)
    assert table.index[0] == "a" and table["call"]["a"] == "alive"
    assert table["upper"].drop("a").max() < 0.5 * table["lower"]["a"]


def test_learned_scales_are_kept() -> None:
    data = sparse_tasks(60, 5, 2)
    model = MultiTaskModel(GroupSparse.student_t(), Gaussian())
    for inference in (CoordinateAscent(draws=50), Collapsed(draws=50)):
        phi = inference.run(model, data).draws["phi"]
        assert phi.shape == (50, 1) and (phi > 0).all()


@pytest.mark.parametrize(
    ("settings", "name"),
    [
        ({"rank": -1}, "rank"),
        ({"chi": -1.0}, "chi"),
        ({"chi": 0.0}, "chi"),
        ({"order": 1.0, "phi": 0.0}, "phi"),
        ({"order": 1.0, "chi": 0.0, "order_by_size": -1.0}, "chi"),
        ({"intercept": 0.0}, "intercept"),
    ],
)
def test_settings_without_a_density_are_refused(settings: dict[str, float], name: str) -> None:
    with pytest.raises(InputError, match=name):
        GroupSparse(**settings)  # type: ignore[arg-type]
    with pytest.raises(InputError, match="intercept"):
        Horseshoe(intercept=0.0)


def test_limits_are_allowed_where_the_density_exists() -> None:
    assert GroupSparse(1.0, 0.0, 1.0).chi == 0.0
    assert GroupSparse(-1.0, LogNormal(0.0, 1.0), 0.0).phi == 0.0


def test_horseshoe_shrinks_as_its_formula_says() -> None:
    prior = Horseshoe(overall=HalfCauchy(0.1))
    values = {
        "overall": torch.tensor([[0.2]]),
        "slab": torch.tensor([[4.0]]),
        "local": torch.tensor([[[1.0, 50.0]]]),
    }
    found = at_draws(lambda: prior.moments(Dims(3, 3)), values)
    assert found.scale is not None
    u = np.array([0.2, 10.0])
    expected = np.sqrt(4.0 * u**2 / (4.0 + u**2))
    assert np.allclose(found.scale[0, 0, :, 0].numpy(), [1.0, *expected], rtol=1e-5)


LEARNED = HalfNormal(1.0)


@pytest.mark.parametrize("prior", [GroupSparse(intercept=LEARNED), Horseshoe(intercept=LEARNED)])
def test_the_spread_of_intercepts_is_learned(prior: GroupSparse | Horseshoe) -> None:
    rng = np.random.default_rng(0)
    tasks, rows, sd = 60, 20, 0.3
    task, x = np.repeat(np.arange(tasks), rows), rng.normal(size=(tasks * rows, 2))
    level = rng.normal(0.0, sd, tasks)
    y = level[task] + x[:, 0] + 0.5 * rng.normal(size=tasks * rows)
    data = TaskData.from_arrays(x, y, task)
    learned, given = (
        Collapsed().run(MultiTaskModel(each, Gaussian(), standardize=False), data)
        for each in (prior, replace(prior, intercept=1.0))
    )
    found = learned.draws["intercept_scale"].double()
    # 60 levels tell their spread to sd / sqrt(120) = 0.03; five of these
    assert abs(float(found.mean()) - level.std()) < 0.15
    assert "intercept_scale" not in given.draws
    # A task that is new is then predicted as widely as tasks differ, not as the setting says.
    new = TaskData.from_arrays(np.zeros((1, 2)), [0.0], ["new"])
    spreads = [float(p.predict(new, new_task=True).sd[0]) for p in (learned, given)]
    assert abs(spreads[0] - math.hypot(sd, 0.5)) < 0.15
    assert spreads[1] > 1.0
