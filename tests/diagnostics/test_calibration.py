"""Calibration against posteriors that are right, too sure, or not sure enough."""

from dataclasses import replace

import numpy as np
import pytest
from scipy.stats import kstest

from bayes_mtl import MultiTaskModel, TaskData
from bayes_mtl._errors import InputError
from bayes_mtl.diagnostics import Calibration, calibration
from bayes_mtl.diagnostics._check_left_out import _calibrated
from bayes_mtl.diagnostics._each_observation import each_observation
from bayes_mtl.inference import MAP, Collapsed
from bayes_mtl.likelihoods import Gaussian, Poisson
from bayes_mtl.priors import Hierarchical, Pooled
from tests.diagnostics.posteriors import data, exact
from tests.inference.cases import NOISE, rows


def with_noise(factor: float, sizes: tuple[int, ...] = (120, 120)) -> tuple[TaskData, TaskData]:
    """Training and test data that state their noise ``factor`` times too large."""
    whole = rows(sizes)
    given = TaskData.from_arrays(whole.x, whole.y, whole.task, noise=np.full(len(whole), factor * NOISE))
    return given.split(0.5)


@pytest.mark.parametrize(("factor", "verdict"), [(1.0, "as stated"), (0.4, "too narrow"), (2.5, "too wide")])
def test_the_verdict(factor: float, verdict: str) -> None:
    train, test = with_noise(factor)
    model = MultiTaskModel(Hierarchical(), Gaussian(noise="known"))
    found = calibration(Collapsed(draws=400).run(model, train), test)
    table = found.to_frame(0.999)
    # all of some 100 targets may well lie in 95 % intervals
    assert (table.loc["all tasks"].loc[[0.5, 0.8], "verdict"] == verdict).all(), table
    if factor == 1.0:
        assert kstest(found.pit, "uniform").pvalue > 0.001
    assert list(table.index.levels[0].sort_values()) == sorted(["all tasks", *train.schema.tasks])


def test_counts_are_randomised_within_their_step() -> None:
    rng = np.random.default_rng(0)
    task = np.repeat(np.arange(4), 100)
    given = TaskData.from_arrays(rng.normal(size=(400, 1)), rng.poisson(0.7, 400), task)
    found = calibration(MAP(draws=300).run(MultiTaskModel(Pooled(), Poisson()), given), given)
    assert kstest(found.pit, "uniform").pvalue > 0.001  # 2 weights for 400 counts: in-sample is fair
    assert len(found) == 400


def test_a_target_is_one_among_the_draws() -> None:
    """Of 9 simulated targets k lie below it: its transform is in the (k + 1)th tenth, at random there."""
    given, below = data(3, rows=10), np.zeros(30)

    def watch(place: np.ndarray, simulated: np.ndarray) -> None:
        below[place] = (simulated < given.y[place]).sum(0)

    found = each_observation(exact(3, draws=9), given, left_out=False, watch=watch)
    within = 10 * found.pit - below
    # a place of its own for each, also of those with the same k
    assert len(np.unique(below)) > 5 and len(np.unique(within.round(6))) == 30
    assert within.min() >= 0 and within.max() <= 1 and kstest(within, "uniform").pvalue > 1e-3


def test_the_worst_tasks_are_named_first() -> None:
    """Of each 60 targets 48 lie in 80 % intervals, 57 in those of 95 %, and a number of its own in 50 %."""
    inside = {"a": 30, "some": 12, "rather wide": 46, "b": 30, "narrow": 2, "wide": 48}
    far = np.concatenate([np.repeat([0.1, 0.3, 0.45, 0.49], [k, 48 - k, 9, 3]) for k in inside.values()])
    found = _calibrated(Calibration(0.5 + far, np.repeat(np.arange(6), 60), tuple(inside)))
    named = {finding.title.split()[-1]: finding.names for finding in found.findings}
    assert named == {"narrow": ("narrow", "some"), "wide": ("wide", "rather wide")}


def test_what_was_seen_is_predicted_too_well_unless_left_out() -> None:
    given = data(40, rows=5)  # three weights for five rows
    posterior = Collapsed(draws=1000).run(MultiTaskModel(Hierarchical(), Gaussian()), given)
    seen, fair = (calibration(posterior, given, left_out=left_out) for left_out in (False, True))
    inside = [(np.abs(found.pit - 0.5) <= 0.4).mean() for found in (seen, fair)]
    assert inside[0] > inside[1]
    # 200 rows of 40 tasks: five standard errors of a binomial share
    assert inside[1] == pytest.approx(0.8, abs=5 * np.sqrt(0.16 / 200))


def test_censored_targets_are_left_out() -> None:
    given = data(3, rows=10)
    posterior = exact(3, draws=50)
    some = replace(given, censored=np.arange(30) < 10)
    assert len(calibration(posterior, some)) == 20
    with pytest.raises(InputError, match="not censored"):
        calibration(posterior, replace(given, censored=np.ones(30, dtype=bool)))
    assert repr(calibration(posterior, given)).startswith("Calibration(")
