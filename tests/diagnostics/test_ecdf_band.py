"""Simultaneous bands of uniform ranks."""

import numpy as np
import pytest

from bayes_mtl import _arviz
from bayes_mtl.diagnostics._ecdf_band import EcdfBand


@pytest.mark.parametrize(("number", "draws"), [(50, 19), (100, 99)])
def test_uniform_ranks_stay_inside_as_often_as_stated(number: int, draws: int) -> None:
    band = EcdfBand(number, draws)
    ranks = np.random.default_rng(1).integers(0, draws + 1, (number, 4000))
    p = band.p_value(ranks)
    # 4 binomial standard errors of 4,000 sets; ties of p make the test err on the careful side
    assert 0.95 - (p > 0.05).mean() < 4 * np.sqrt(0.05 * 0.95 / 4000)
    lower, upper = band.limits(0.95)
    ecdf = np.stack([(ranks <= r).mean(0) for r in range(draws)])
    inside = ((ecdf >= lower[:, None]) & (ecdf <= upper[:, None])).all(0)
    assert inside.mean() == pytest.approx(0.95, abs=0.02)
    assert ((p > 0.05) == inside).mean() > 0.98


@pytest.mark.skipif(_arviz.generation() >= 1, reason="it has no such function")
def test_the_band_is_arvizs() -> None:
    from arviz.stats.ecdf_utils import ecdf_confidence_band

    band = EcdfBand(100, 99)
    lower, upper = band.limits(0.9)
    expected = ecdf_confidence_band(100, band.points, band.points, 0.9, method="optimized")
    # in steps of one of 100 ranks; its ranks are continuous, ours discrete
    assert np.abs(lower - expected[0]).max() <= 0.011 and np.abs(upper - expected[1]).max() <= 0.011


def test_ranks_at_the_ends_are_odd() -> None:
    band = EcdfBand(40, 99)
    assert band.p_value(np.repeat([0, 99], 20)[:, None])[0] < 1e-3
    assert band.p_value(np.full((40, 1), 50))[0] < 1e-3
