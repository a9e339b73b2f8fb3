"""Pareto smoothing against ArviZ, one set of weights at a time, and against tails of known shape."""

import arviz
import numpy as np
import pytest

from bayes_mtl import _arviz, _psis
from bayes_mtl._psis import psis

SHAPES = (-0.3, 0.3, 0.9)
WEIGHTS = 20_000


def log_weights(shape: float) -> np.ndarray:
    """Log of the quantiles of a generalised Pareto distribution, shuffled: the shape is exact."""
    p = (np.arange(WEIGHTS) + 0.5) / WEIGHTS
    return np.random.default_rng(0).permutation(np.log(((1 - p) ** -shape - 1) / shape))


def many(draws: int, sets: int = 70) -> np.ndarray:
    """Sets of weights from nearly equal to hopeless, some with ties, one with weights of zero."""
    rng = np.random.default_rng(draws)
    sets_of = rng.normal(size=(sets, draws)) * np.geomspace(1e-6, 30.0, sets)[:, None]
    sets_of[::7] = np.round(sets_of[::7], 1)  # ties make tails of different lengths
    sets_of[1::7] = rng.standard_cauchy((len(sets_of[1::7]), draws))
    sets_of[2::7] = np.log(rng.gamma(0.3, size=(len(sets_of[2::7]), draws)))
    sets_of[3, :5] = -np.inf
    return sets_of


@pytest.mark.skipif(_arviz.generation() >= 1, reason="its psislw has another signature")
@pytest.mark.parametrize("draws", [25, 100, 1003])
def test_it_is_arvizs_value_for_value(draws: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_psis, "_BLOCK", 17 * draws)  # several blocks, the last one shorter
    given = many(draws)
    smoothed, k = psis(given)
    # ArviZ cuts what lies 708 below the largest weight, we 700; both count for nothing.
    clipped = np.maximum(given - given.max(-1, keepdims=True), -700.0)
    expected, expected_k = arviz.psislw(clipped.copy())
    told = np.isfinite(k)
    assert told.mean() > 0.7 and np.ptp(k[told]) > 1.0
    # the same arithmetic in another order, where the worst tails multiply rounding by 1e4
    assert k[told] == pytest.approx(expected_k[told], abs=1e-9)
    # which of several equal weights is put first is not said
    tied = np.arange(len(given)) % 7 == 0
    smoothed[tied], expected[tied] = np.sort(smoothed[tied]), np.sort(expected[tied])
    assert np.allclose(np.exp(smoothed), np.exp(expected), rtol=0, atol=1e-10)
    assert np.allclose(smoothed[k < 1], expected[k < 1], rtol=0, atol=1e-8)
    # no tail is -inf here and inf there
    assert np.isinf(expected_k[~told]).all()


def test_one_set_is_like_many() -> None:
    given = many(200)
    smoothed, k = psis(given.reshape(2, 35, 200))
    assert smoothed.shape == (2, 35, 200) and k.shape == (2, 35)
    alone, own = psis(given[45])
    assert np.allclose(alone, smoothed[1, 10], atol=1e-12) and np.isclose(own, k[1, 10], atol=1e-12)


def test_k_is_the_shape_of_the_tail() -> None:
    # The weights are quantiles, so there is no Monte-Carlo error; the fit of 425 of them is pulled to 0.5
    # as if by 10 more (Vehtari et al. 2024, appendix C), at most 0.02 here. A change of sign of the log
    # weights would give a shape below 0 for all.
    _, k = psis(np.stack([log_weights(shape) for shape in SHAPES]))
    assert k == pytest.approx(SHAPES, abs=0.05)


def test_smoothed_weights_are_normalised_and_in_order() -> None:
    given = log_weights(0.3)
    smoothed, _ = psis(given)
    assert np.exp(smoothed).sum() == pytest.approx(1.0, abs=1e-9)
    assert (np.diff(smoothed[np.argsort(given)]) >= 0).all()


def test_odd_weights() -> None:
    plain = np.log(np.random.default_rng(1).gamma(2.0, size=1000))
    cases = {
        "equal": np.zeros(1000),
        "equal_up_to_rounding": -5.5 + 1e-15 * np.random.default_rng(0).normal(size=1000),
        "ties_at_the_top": np.where(np.arange(1000) < 500, 0.0, -1.0),
        "some_zero": np.where(np.arange(1000) < 100, -np.inf, plain),
        "nan": np.where(np.arange(1000) < 1, np.nan, plain),
        "infinite": np.where(np.arange(1000) < 1, np.inf, plain),
        "all_zero": np.full(1000, -np.inf),
        "cauchy": np.random.default_rng(2).standard_cauchy(1000),
    }
    smoothed, shapes = psis(np.stack(list(cases.values())))
    k = dict(zip(cases, shapes.tolist(), strict=True))
    assert k["equal"] == k["equal_up_to_rounding"] == k["ties_at_the_top"] == -np.inf
    assert k["nan"] == k["infinite"] == k["all_zero"] == np.inf
    assert np.isnan(smoothed[4:7]).all() and np.isfinite(smoothed[[0, 1, 2, 3, 7]]).all()
    assert k["cauchy"] > 1  # exp of a Cauchy variable has no moment at all
    assert k["some_zero"] < 0.5  # gamma weights have all moments
    assert np.isnan(psis(plain[:24])[1])


def test_negligible_weights_are_left_as_they_are() -> None:
    given = np.stack([np.log(np.r_[np.ones(99), large]) for large in (2.9, 3.2)])
    given += 1e-3 * np.random.default_rng(0).normal(size=given.shape)
    smoothed, k = psis(given, negligible=3.0)
    assert k[0] == -np.inf and np.isfinite(k[1])
    plain = given[0] - np.log(np.exp(given[0]).sum())
    assert smoothed[0] == pytest.approx(plain, abs=1e-12)


def test_the_callers_weights_stay_as_they_were() -> None:
    weights = log_weights(0.3)
    before = weights.copy()
    psis(weights)
    assert (weights == before).all()
