"""Shift and spread of the linear predictor, worked out by hand."""

from typing import Any

import numpy as np
import pytest

from bayes_mtl.likelihoods import (
    AbstractLikelihood,
    Bernoulli,
    Binomial,
    Categorical,
    Gamma,
    Gaussian,
    LogNormal,
    NegativeBinomial,
    Ordinal,
    Poisson,
    StudentT,
)
from tests.likelihoods.cases import make_data

Y = np.array([1.0, 2.0, 4.0, 8.0, 16.0, 5.0])
EXPOSURE = np.array([1.0, 2.0, 3.0, 1.0, 2.0, 3.0])
LOG_Y = np.log(Y)


@pytest.mark.parametrize(
    ("likelihood", "y", "columns", "shift", "spread"),
    [
        (Gaussian(), Y, {}, Y.mean(), Y.std()),
        (Gaussian(), Y, {"offset": Y / 2}, Y.mean() / 2, Y.std() / 2),
        # median 4.5, absolute deviations 3.5 2.5 .5 3.5 11.5 .5
        (StudentT(), Y, {}, 4.5, 1.4826 * 3.0),
        (LogNormal(), Y, {}, LOG_Y.mean(), LOG_Y.std()),
        (Gamma(), Y, {}, np.log(Y.mean()), 1.0),
        (Gamma(), Y, {"offset": np.log(EXPOSURE)}, np.log((Y / EXPOSURE).mean()), 1.0),
        (Gamma(), Y, {"censored": Y > 6}, np.log(Y.sum() / 4), 1.0),
        (Poisson(), Y, {}, np.log(Y.mean()), 1.0),
        (Poisson(), Y, {"offset": np.log(EXPOSURE)}, np.log(Y.sum() / EXPOSURE.sum()), 1.0),
        (Poisson(), 0 * Y, {}, np.log(0.5 / 6), 1.0),
        (NegativeBinomial(), Y, {"offset": np.log(EXPOSURE)}, np.log(36 / 12), 1.0),
        (Bernoulli(), [1, 0, 0, 0, 0, 0], {}, np.log(1.5 / 5.5), 1.0),
        (Bernoulli(), [0, 0, 0, 0, 0, 0], {}, np.log(0.5 / 6.5), 1.0),
        (Binomial(), Y, {"trials": 20 + 0 * Y}, np.log(36.5 / 84.5), 1.0),
        (Ordinal(), [0, 0, 1, 2, 2, 2], {}, np.log(4.5 / 2.5), 1.0),
    ],
)
def test_by_hand(
    likelihood: AbstractLikelihood, y: Any, columns: dict[str, Any], shift: float, spread: float
) -> None:
    found = likelihood.location(make_data(y, **columns))
    assert np.allclose(found[0], np.full((3, 1), shift), rtol=1e-12)
    assert np.allclose(found[1], np.full((3, 1), spread), rtol=1e-12)
    without = likelihood.location(make_data(y, intercept=False, **columns))
    # a shift would be an intercept in disguise
    assert (without[0] == 0).all() and np.array_equal(without[1], found[1])


OFFSET = np.log([9.0, 1.0])
"""Its mean is log 3."""


@pytest.mark.parametrize(
    ("likelihood", "y", "columns", "shift", "response"),
    [
        # As many of either: pooled odds are those of the offsets, 3 and 1 / 3, their rates 3 / 4 and 1 / 4.
        (Bernoulli(), [1, 0], {}, -np.log(3), np.array([1, -1]) * np.log(1.375 / 0.125 / 3)),
        (
            Binomial(),
            [4.0, 0.0],
            {"trials": [4.0, 4.0]},
            -np.log(3),
            np.array([1, -1]) * np.log(4.375 / 0.125 / 3),
        ),
        # Three of eight and a half events added to one of two: odds of 4.5 / 4.5 again.
        (Binomial(), [3.0, 1.0], {"trials": [4.0, 4.0]}, -np.log(3), np.zeros(2)),
        # Five events of an exposure of ten.
        (Poisson(), [5.0, 0.0], {}, np.log(0.5), np.log([5.5 / 5.0, 0.5 / 1.0])),
    ],
)
def test_working_responses_of_data_with_an_offset_by_hand(
    likelihood: AbstractLikelihood, y: Any, columns: dict[str, Any], shift: float, response: np.ndarray
) -> None:
    data = make_data(y, offset=OFFSET, **columns)
    np.testing.assert_allclose(likelihood.location(data)[0], shift, rtol=1e-12)
    np.testing.assert_allclose(likelihood.working_response(data)[:, 0], response, rtol=1e-12, atol=1e-12)


def test_ordered_classes_with_an_offset_by_hand() -> None:
    y, offset = [0, 1, 2, 2], np.array([0.5, -0.25, 1.0, 0.75])  # mean 0.5
    # Half an observation added to each class: 1.5, 1.5 and 2.5 of 5.5; logits of the middles of their shares.
    latent = np.log([0.75 / 4.75, 2.25 / 3.25, 4.25 / 1.25, 4.25 / 1.25])
    data = make_data(y, list("ABBC"), offset=offset)
    np.testing.assert_allclose(Ordinal().location(data)[0], np.log(3.5 / 1.5) - 0.5, rtol=1e-12)
    np.testing.assert_allclose(Ordinal().working_response(data)[:, 0], latent - offset + 0.5, rtol=1e-12)
    # The first cutpoint takes the location where no intercept does.
    without = make_data(y, list("ABBC"), offset=offset, intercept=False)
    np.testing.assert_allclose(Ordinal().working_response(without)[:, 0], latent - offset, rtol=1e-12)


def test_categorical_shifts_are_the_centred_log_shares() -> None:
    data = make_data([0, 0, 0, 1, 2, 2])
    shift, spread = Categorical().location(data)
    expected = np.log(np.array([3.5, 1.5, 2.5]))
    assert np.allclose(shift, np.tile(expected - expected.mean(), (3, 1))) and (spread == 1).all()
    assert (Categorical().location(make_data([0, 1, 2], intercept=False))[0] == 0).all()


@pytest.mark.parametrize("family", [Gaussian, StudentT, LogNormal])
def test_units_of_each_task(family: type[Any]) -> None:
    rng = np.random.default_rng(0)
    scale, centre = np.resize([1e-3, 1.0, 1e3], 300), np.resize([5.0, -2.0, 400.0], 300)
    z = rng.normal(size=300)
    y = np.exp(z * np.resize([0.1, 1, 3], 300)) if family is LogNormal else centre + scale * z
    data = make_data(y)
    shift, spread = family(units="task").location(data)
    for task in range(3):
        own = data.subset(data.task == task)
        alone = family().location(own)
        assert np.allclose(shift[task], alone[0][task]) and np.allclose(spread[task], alone[1][task])


@pytest.mark.parametrize("family", [Gaussian, StudentT])
@pytest.mark.parametrize("units", ["shared", "task"])
def test_constant_targets_have_spread_1(family: type[Any], units: Any) -> None:
    # the computed standard deviation of 0.1 is 1e-17, not 0
    shift, spread = family(units=units).location(make_data(np.full(9, 0.1)))
    assert np.allclose(shift, 0.1) and (spread == 1).all()


def test_mostly_equal_targets_still_have_a_spread() -> None:
    y = np.r_[np.zeros(20), 10.0]
    assert np.allclose(StudentT().location(make_data(y))[1], y.std())


def test_outliers_move_neither_location_nor_starting_values_of_student_t() -> None:
    rng = np.random.default_rng(1)
    y = rng.normal(size=99)
    spoilt = np.where(np.arange(99) < 3, 1e6, y)
    clean, dirty = StudentT().location(make_data(y)), StudentT().location(make_data(spoilt))
    # three of 99 observations move a median by less than their share of its neighbours
    assert np.allclose(clean[0], dirty[0], atol=0.2) and np.allclose(clean[1], dirty[1], rtol=0.2)
    assert np.abs(StudentT().working_response(make_data(spoilt))).max() <= 4


def test_rare_events_start_at_their_rate() -> None:
    y = np.zeros(3000)
    y[:3] = 1
    response = Bernoulli().working_response(make_data(y))
    assert np.abs(np.median(response)) < 1.2 and Bernoulli().location(make_data(y))[0][0, 0] < -6
