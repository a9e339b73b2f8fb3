"""Gains and losses against single-task fits."""

from dataclasses import replace
from io import BytesIO

import numpy as np
import pytest
from pyro.distributions import HalfNormal, Normal

from bayes_mtl import MultiTaskModel, TaskData
from bayes_mtl._errors import UnsupportedError
from bayes_mtl.data._split import own_tasks
from bayes_mtl.diagnostics import calibration, transfer
from bayes_mtl.inference import MAP, SVI, Collapsed
from bayes_mtl.likelihoods import Bernoulli, Gaussian
from bayes_mtl.networks import MLP
from bayes_mtl.plots import plot_calibration, plot_transfer
from bayes_mtl.priors import Independent, Pooled
from tests.diagnostics.posteriors import data

ODD = "$odd_{<b>}\n"


def planted() -> tuple[TaskData, TaskData]:
    """Five tasks alike, one of them with many rows, the others with few, and one that is their opposite."""
    rng = np.random.default_rng(0)
    sizes = np.array([150, 4, 4, 4, 4, 20])
    task = np.repeat(np.arange(6), sizes + 40)
    x = rng.normal(size=(len(task), 3))
    y = np.where(task == 5, -1.0, 1.0) * (x @ [1.0, -1.0, 0.5]) + 0.3 * rng.normal(size=len(task))
    names = np.array(["a", "b", "c", "d", "e", ODD])
    whole = TaskData.from_arrays(x, y, names[task], task_names=list(names))
    place = np.concatenate([np.arange(n + 40) for n in sizes])
    train = place < sizes[task]
    return whole.subset(train), whole.subset(~train)


def test_negative_transfer_is_named() -> None:
    train, test = planted()
    posterior = Collapsed(draws=300).run(MultiTaskModel(Pooled(), Gaussian()), train)
    found = transfer(posterior, train, test)
    table = found.table
    assert found.negative[0] == ODD and not {"c", "d", "e"} & set(found.negative)
    sides = np.select([table["lower"] > 0, table["upper"] < 0], ["gain", "loss"], "unclear")
    assert table["verdict"].tolist() == sides.tolist()
    # Four rows cannot tell four weights; 150 rows need no others. One task is a little better off by chance.
    assert table["verdict"].to_dict() == {
        "a": "loss",
        "b": "unclear",
        **dict.fromkeys("cde", "gain"),
        ODD: "loss",
    }
    assert table.loc["b", "gain"] > 0
    half = transfer(posterior, train, test.subset(test.task == 1), level=0.5).table
    # Student's t with 39 degrees of freedom leaves 25 % above 0.681, and 5 % above 1.685
    narrower = (half["upper"] - half["gain"]) / (table.loc["b", "upper"] - table.loc["b", "gain"])
    assert narrower.tolist() == pytest.approx([0.681 / 1.685], rel=2e-3)
    # 0.063 of a standard error at 5 %, and the gain of this task is 0.09 of one
    slim = transfer(posterior, train, test.subset(test.task == 1), level=0.05).table
    assert slim.loc["b", "verdict"] == "gain"
    assert list(found.table.index) == list(train.schema.tasks)
    assert "negative transfer" in repr(found)
    assert (found.table["lower"] <= found.table["gain"]).all()
    plot_transfer(found).savefig(BytesIO(), format="png")


def test_a_task_of_one_value_is_unclear() -> None:
    """Every observation of it differs by the same, which is no sign of certainty."""
    x, task = np.ones((18, 1)), np.repeat(["a", "b", "same"], 6)
    given = TaskData.from_arrays(x, (task == "same") | (np.arange(18) % 2 == 0), task)
    model = MultiTaskModel(Pooled(Normal(0.0, 1.0)), Bernoulli())
    table = transfer(MAP(draws=50, progress=False).run(model, given), given, given).table
    assert table.loc["same", "verdict"] == "unclear" and np.isinf(table.loc["same", "upper"])
    assert np.isfinite(table.loc["a", "upper"])


def test_it_is_the_difference_of_the_two_fits() -> None:
    train, test = planted()
    posterior = Collapsed(draws=300).run(MultiTaskModel(Pooled(), Gaussian()), train)
    found = transfer(posterior, train, test).table
    rows, held_out = train.subset(train.task == 0), test.subset(test.task == 0)
    own = replace(rows, **own_tasks(rows.task, rows.schema, None))
    apart = replace(held_out, **own_tasks(held_out.task, held_out.schema, None))
    scaling = posterior.program.scaling
    scaling = replace(scaling, shift=scaling.shift[:1], spread=scaling.spread[:1])
    alone = Collapsed().run(
        MultiTaskModel(Independent(HalfNormal(1.0)), Gaussian(), standardize=scaling), own
    )
    expected = posterior.score(test).log_density[test.task == 0] - alone.score(apart).log_density
    assert found["gain"].iloc[0] == pytest.approx(expected.mean(), abs=1e-6)
    # Student's t with 39 degrees of freedom leaves 5 % above 1.685
    half = 1.685 * expected.std(ddof=1) / np.sqrt(40)
    assert found["upper"].iloc[0] - found["gain"].iloc[0] == pytest.approx(half, rel=1e-3)


def test_gains_do_not_hang_on_units() -> None:
    """Also of a task with one row, and of one with a feature that does not vary."""
    train, test = planted()
    train = train.subset((train.task != 0) | (np.arange(len(train)) == 0))
    x = np.where((train.task == 1)[:, None] & (np.arange(3) == 2), 0.3, train.x)
    train = replace(train, x=x)
    found = []
    for unit in (1.0, 1000.0, 0.001):
        both = [replace(d, y=unit * d.y, x=unit * d.x) for d in (train, test)]
        fitted = Collapsed(MAP(laplace=0), draws=100).run(MultiTaskModel(Pooled(), Gaussian()), both[0])
        table = transfer(fitted, *both, inference=Collapsed(MAP(progress=False), draws=100)).table
        found.append(table["gain"].to_numpy())
    # up to what rounding changes in the optimisers' last steps
    assert found[1] == pytest.approx(found[0], abs=0.02)
    assert found[2] == pytest.approx(found[0], abs=0.02)


def test_a_task_of_one_measured_value_has_no_fit_alone() -> None:
    """Without noise it would be predicted exactly, in whatever units."""
    train, test = planted()
    train = replace(train, y=np.where(train.task == 1, 0.3, train.y))
    posterior = Collapsed(MAP(laplace=0), draws=100).run(MultiTaskModel(Pooled(), Gaussian()), train)
    found = transfer(posterior, train, test, inference=Collapsed(MAP(laplace=0, progress=False), draws=100))
    assert found.table.loc["b", "verdict"] == "unclear" and np.isnan(found.table.loc["b", "gain"])
    others = found.table.drop("b")
    assert np.isfinite(others["gain"]).all()
    assert f"{np.average(others['gain'], weights=others['observations']):+.3f} nats" in repr(found)
    plot_transfer(found).savefig(BytesIO(), format="png")


def test_without_test_data_observations_are_left_out() -> None:
    given = data(3, rows=10)
    binary = TaskData.from_arrays(given.x, given.y > 0, given.task)
    fitted = Collapsed(draws=200).run(MultiTaskModel(Pooled(), Gaussian()), given)
    assert list(transfer(fitted, given).table["observations"]) == [10, 10, 10]
    model = MultiTaskModel(Pooled(Normal(0.0, 1.0)), Bernoulli())
    both = SVI(steps=200, progress=False, draws=100).run(model, binary)
    assert np.isfinite(transfer(both, binary).table["gain"]).all()


def test_a_network_is_refused() -> None:
    given = data(3, rows=10)
    model = MultiTaskModel(Pooled(), Gaussian(), network=MLP(2, [2]))
    with pytest.raises(UnsupportedError, match=r"Fit them alone and use delta\(\)"):
        transfer(SVI(steps=2, progress=False).run(model, given), given)


def test_the_line_of_calibration_is_that_of_the_transforms() -> None:
    given = data(3, rows=10)
    found = calibration(Collapsed(draws=100).run(MultiTaskModel(Pooled(), Gaussian()), given), given)
    figure = plot_calibration(found)
    figure.savefig(BytesIO(), format="png")
    (line,) = [line for line in figure.axes[0].get_lines() if line.get_label() == "targets"]
    x, y = np.asarray(line.get_xdata()), np.asarray(line.get_ydata())
    for at in (5, 20):
        assert y[at] + x[at] == pytest.approx((found.pit <= x[at]).mean())
