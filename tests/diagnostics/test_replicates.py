"""Statistics of simulated targets against scipy and against estimates written out."""

import numpy as np
import pytest
from scipy import stats

from bayes_mtl.diagnostics._check_predictive import p_values
from bayes_mtl.diagnostics._replicated_classes import ReplicatedClasses
from bayes_mtl.diagnostics._replicated_counts import ReplicatedCounts
from bayes_mtl.diagnostics._replicated_numbers import ReplicatedNumbers
from bayes_mtl.diagnostics._replicated_survival import ReplicatedSurvival
from bayes_mtl.diagnostics._replicates import AbstractReplicates
from bayes_mtl.diagnostics._statistic import Statistic

TASK = np.array([2, 0, 0, 3, 2, 2, 0, 3, 2, 0, 3, 3])


def found(replicates: AbstractReplicates, simulated: np.ndarray) -> dict[str, Statistic]:
    """In two parts, the second in another order."""
    replicates.add(np.arange(5), simulated[:, :5])
    rest = np.arange(len(TASK) - 1, 4, -1)
    replicates.add(rest, simulated[:, rest])
    return {statistic.name: statistic for statistic in replicates.statistics()}


def test_measurements() -> None:
    rng = np.random.default_rng(0)
    y = 1e4 + rng.gamma(2.0, size=12)
    simulated = 1e4 + rng.gamma(2.0, size=(7, 12))
    statistics = found(ReplicatedNumbers((0, 2, 3), TASK, y), simulated)
    for name, function in {
        "mean": np.mean,
        "standard deviation": np.std,
        "skewness": stats.skew,
        "smallest": np.min,
        "largest": np.max,
    }.items():
        own = statistics[name]
        for column, chosen in enumerate([TASK >= 0, TASK == 0, TASK == 2, TASK == 3]):
            # float64 sums of numbers near 1
            assert own.observed[column] == pytest.approx(function(y[chosen]), rel=1e-9, abs=1e-9)
            expected = [function(row[chosen]) for row in simulated]
            assert own.simulated[:, column] == pytest.approx(expected, rel=1e-9, abs=1e-9)


def test_positive_targets_are_judged_by_logarithms() -> None:
    y = np.exp(np.random.default_rng(0).normal(size=12))
    statistics = found(ReplicatedNumbers((0, 2, 3), TASK, y, positive=True), y[None])
    assert statistics["mean of logarithms"].observed[0] == pytest.approx(np.log(y).mean())
    assert statistics["largest"].observed[0] == pytest.approx(y.max())


def test_counts_and_classes_of_some_tasks() -> None:
    y = np.random.default_rng(1).poisson(1.0, size=12).astype(float)
    mine = np.isin(TASK, (2, 3))
    counts = found(ReplicatedCounts((2, 3), TASK, y), y[None])
    assert counts["share of zeros"].observed[0] == np.mean(y[mine] == 0)
    assert counts["dispersion"].observed[0] == pytest.approx(y[mine].var() / y[mine].mean())
    assert counts["largest"].simulated[0, 2] == y[TASK == 3].max()
    classes = found(ReplicatedClasses((2, 3), TASK, y, names=["none", "one"]), y[None])
    assert classes["share of class none"].observed[1] == np.mean(y[TASK == 2] == 0)
    assert sum(one.observed[0] for one in classes.values()) == pytest.approx(1.0)


def test_p_values_count_ties_half() -> None:
    simulated = np.arange(99.0)[:, None] * [1.0, 0.0]
    p = p_values(Statistic("mean", np.array([49.0, 0.0]), simulated))
    assert p == pytest.approx([1.0, 1.0])
    assert p_values(Statistic("mean", np.array([-1.0]), simulated[:, :1])) == pytest.approx([0.01])


def kaplan_meier(time: np.ndarray, event: np.ndarray, at: float) -> float:
    alive = 1.0
    for moment in np.unique(time[event & (time <= at)]):
        alive *= 1 - np.sum(event & (time == moment)) / np.sum(time >= moment)
    return alive


def durations(seed: int, shape: float, number: int = 400) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    event, limit = rng.weibull(shape, number), rng.uniform(0.3, 3.0, number)
    return np.minimum(event, limit), event > limit


def test_survival_is_kaplan_meiers() -> None:
    time, censored = durations(0, 1.0)
    replicates = ReplicatedSurvival((0,), np.zeros(len(time), dtype=int), time, censored=censored)
    replicates.add(np.arange(len(time)), time[None])
    assert censored.mean() > 0.2
    for statistic in replicates.statistics():
        at = float(statistic.name.rpartition(" ")[2])
        # the life table takes the censored of one of 20 intervals as at risk for half of it
        expected = kaplan_meier(time, ~censored, at)
        assert statistic.observed[0] == pytest.approx(expected, abs=0.01)


def test_survival_of_the_right_and_of_a_wrong_family() -> None:
    # Exponential targets, simulated from the truth: two-sided p-values below 0.1 in about a tenth.
    small = []
    for seed in range(60):
        time, censored = durations(seed, 1.0)
        replicates = ReplicatedSurvival((0,), np.zeros(len(time), dtype=int), time, censored=censored)
        simulated = np.random.default_rng(1000 + seed).exponential(size=(200, len(time)))
        replicates.add(np.arange(len(time)), simulated)
        small.append([p_values(statistic)[0] < 0.1 for statistic in replicates.statistics()])
    # 180 values, three of one data set dependent: as if 60, a standard error of 0.04
    assert np.mean(small) < 0.1 + 3 * 0.04
    time, censored = durations(0, 3.0)  # nearly all between 0.5 and 1.4
    replicates = ReplicatedSurvival((0,), np.zeros(len(time), dtype=int), time, censored=censored)
    replicates.add(np.arange(len(time)), np.random.default_rng(1).exponential(size=(200, len(time))))
    assert min(p_values(statistic)[0] for statistic in replicates.statistics()) < 0.01
