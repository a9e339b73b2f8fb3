"""The rule that ends the training."""

import numpy as np
import pytest

from bayes_mtl._errors import InputError
from bayes_mtl.inference import Plateau

WINDOW, SERIES = 250, 1000


def noise(correlation: float, length: int = 2 * WINDOW) -> np.ndarray:
    """Stationary AR(1) series of unit variance, ``[series, length]``."""
    random = np.random.default_rng(0)
    shocks = random.normal(size=(SERIES, length)) * np.sqrt(1 - correlation**2)
    series = np.empty_like(shocks)
    series[:, 0] = random.normal(size=SERIES)
    for t in range(1, length):
        series[:, t] = correlation * series[:, t - 1] + shocks[:, t]
    return series


def rate(losses: np.ndarray, rule: Plateau) -> float:
    return float(np.mean([rule.reached(list(one)) for one in losses]))


@pytest.mark.parametrize("correlation", [0.0, 0.5, 0.8])
def test_stationary_noise_is_a_plateau_at_the_nominal_rate(correlation: float) -> None:
    # Of a difference in units of its standard error, estimated from 2 x 10 batches: P(t_18 < 2) = 0.970.
    # 4 standard errors of 1,000 series are 0.022; what correlation is left between batches takes 0.01 more.
    assert rate(noise(correlation), Plateau(WINDOW)) == pytest.approx(0.970, abs=0.032)


@pytest.mark.parametrize("correlation", [0.0, 0.8])
def test_a_falling_loss_is_none(correlation: float) -> None:
    losses = noise(correlation)
    # The mean falls by 8 standard errors from one window to the next.
    error = np.sqrt(2 / WINDOW * (1 + correlation) / (1 - correlation))
    falling = losses - 8 * error / WINDOW * np.arange(losses.shape[1])
    # P(t < 2 - 8 / 1.1), the slope itself being part of the estimated error, is below 1 in 1,000.
    assert rate(falling, Plateau(WINDOW)) <= 0.005
    assert rate(losses + 8 * error / WINDOW * np.arange(losses.shape[1]), Plateau(WINDOW)) == 1.0


def test_a_loss_without_noise() -> None:
    rule = Plateau(window=20)
    assert not rule.reached(list(np.linspace(1.0, 0.0, 40)))
    assert rule.reached([1.0] * 40)


def test_takes_two_windows_and_the_newest_alone() -> None:
    rule = Plateau(window=20)
    assert not rule.reached([1.0] * 39)
    assert rule.reached([1e6 - i for i in range(1000)] + [1.0] * 40)


def test_more_errors_ask_for_a_steeper_fall() -> None:
    losses = noise(0.0) - 3 * np.sqrt(2 / WINDOW) * (np.arange(2 * WINDOW) >= WINDOW)
    assert rate(losses, Plateau(WINDOW, errors=1.0)) < 0.1
    assert rate(losses, Plateau(WINDOW, errors=5.0)) > 0.9


def test_windows_that_are_not_whole_batches() -> None:
    assert Plateau(window=27).reached([1.0, 2.0] * 27)


@pytest.mark.parametrize(("settings", "name"), [({"window": 19}, "window"), ({"errors": -1.0}, "errors")])
def test_bad_settings(settings: dict[str, float], name: str) -> None:
    with pytest.raises(InputError, match=f"^{name}: expected"):
        Plateau(**settings)


def test_mini_batches_have_longer_windows() -> None:
    rule = Plateau()
    assert [rule.steps(epoch) for epoch in (1, 4, 100, 10_000)] == [250, 500, 2_500, 5_000]
    assert Plateau(window=100).steps(100) == 100
    flat = [1.0] * 999
    assert rule.reached(flat, 1) and not rule.reached(flat, 4) and rule.reached([*flat, 1.0], 4)
