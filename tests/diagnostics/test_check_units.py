"""Tasks that are measured in different units."""

import numpy as np
import pytest

from bayes_mtl import MultiTaskModel, TaskData
from bayes_mtl.diagnostics import check
from bayes_mtl.diagnostics._check_units import _interquartile_range, check_units
from bayes_mtl.likelihoods import AbstractLikelihood, Bernoulli, Gaussian, LogNormal, Mixed, StudentT
from bayes_mtl.priors import Hierarchical
from tests.posterior.examples import make_posterior


def outputs(scales: list[float]) -> TaskData:
    random = np.random.default_rng(0)
    x = random.normal(size=(40, 1))
    return TaskData.from_outputs(x, (x + 0.5 * random.normal(size=(40, len(scales)))) * scales)


def findings(likelihood: AbstractLikelihood, data: TaskData) -> list[str] | None:
    outcome = check_units(make_posterior(MultiTaskModel(Hierarchical(), likelihood), data), data)
    return None if outcome is None else [finding.remedy for finding in outcome.findings]


def test_tasks_in_other_units_are_named_with_the_setting_for_them() -> None:
    data = outputs([1.0, 10.0, 100.0, 1000.0, 0.001])
    posterior = make_posterior(MultiTaskModel(Hierarchical(), Gaussian()), data, draws=30)
    (found,) = [f for f in check(posterior, data).findings if "another unit" in f.title]
    assert found.severity == "warning" and found.names[:2] == ("task4", "task3")
    assert "Gaussian(units='task')" in found.remedy


@pytest.mark.parametrize("likelihood", [Gaussian(), StudentT()])
def test_spreads_within_an_order_of_magnitude_are_no_units(likelihood: AbstractLikelihood) -> None:
    assert findings(likelihood, outputs([1.0, 2.0, 3.0, 0.5])) == []


def test_a_small_spread_alone_is_a_note() -> None:
    data = outputs([1.0, 1.0, 1.0, 0.01])
    outcome = check_units(make_posterior(MultiTaskModel(Hierarchical(), Gaussian()), data), data)
    assert outcome is not None
    assert [(f.severity, f.names) for f in outcome.findings] == [("note", ("task3",))]


def test_single_observations_far_out_are_no_unit() -> None:
    data = outputs([1.0, 1.0, 1.0])
    data.y[3] = 1e6
    assert findings(StudentT(), data) == []


def test_where_units_are_not_shared_nothing_is_said() -> None:
    data = outputs([1.0, 1000.0, 1.0])
    assert findings(Gaussian(units="task"), data) is None
    assert findings(Bernoulli(), TaskData.from_arrays(data.x, data.y > 0, data.task, row=data.row)) is None


def test_factors_do_not_count_on_a_log_scale_and_kinds_are_judged_alone() -> None:
    data = outputs([1.0, 1.0, 1.0, 1.0])
    positive = TaskData.from_arrays(data.x, np.exp(data.y) * 10.0**data.task, data.task, row=data.row)
    assert findings(LogNormal(), positive) == []
    mixed = Mixed({"3": LogNormal()}, default=Gaussian())
    (remedy,) = findings(mixed, positive) or []
    assert "Gaussian(units='task')" in remedy


def test_interquartile_ranges_are_those_of_each_task() -> None:
    random = np.random.default_rng(0)
    counts = np.array([10, 0, 37, 9, 12, 200])
    task = random.permutation(np.repeat(np.arange(6), counts))
    values = np.where(task == 4, 0.1, random.normal(size=len(task)).round(1))
    found = _interquartile_range(values, task, counts)
    assert found[4] == 0 and found[1] == 0 and found[3] == 0  # one value, none, too few
    for one in (0, 2, 5):
        assert found[one] == pytest.approx(np.subtract(*np.quantile(values[task == one], (0.75, 0.25))))
