from collections.abc import Callable

import numpy as np
import pytest
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from bayes_mtl import Posterior
from bayes_mtl._errors import UnsupportedError
from bayes_mtl.plots import plot_elbo
from tests.plots.posteriors import gaussian_data, posterior, with_losses


@pytest.fixture(scope="module")
def given() -> Posterior:
    return posterior(gaussian_data(2))


def falling(steps: int = 2000) -> np.ndarray:
    """From 100,000 nats above a level of 500, with noise of 2."""
    noise = np.random.default_rng(0).normal(scale=2.0, size=steps)
    return 500.0 + 1e5 * np.exp(-np.arange(steps) / 30) + noise


def test_loss_and_running_mean(given: Posterior, drawn: Callable[[Figure], Axes]) -> None:
    losses = falling()
    axes = drawn(plot_elbo(with_losses(given, losses)))
    loss, mean = axes.get_lines()[:2]
    assert len(loss.get_ydata()) == 2000
    assert mean.get_label() == "mean of 40 steps"
    # The last mean is that of the last 40 losses, at the middle of their steps.
    level = losses[-200:].mean()
    assert mean.get_ydata()[-1] == pytest.approx(losses[-40:].mean() - level, abs=1e-6)
    assert mean.get_xdata()[-1] == pytest.approx(1980.5)
    assert axes.get_title() == "SVI, stopped: plateau"
    assert f"{level:,.4g}" in axes.get_ylabel()


def test_the_end_has_room_although_the_start_is_high(
    given: Posterior, drawn: Callable[[Figure], Axes]
) -> None:
    axes = drawn(plot_elbo(with_losses(given, falling())))
    noise = axes.transData.transform([[0.0, -4.0], [0.0, 4.0]])[:, 1]
    height = axes.bbox.height
    assert np.ptp(noise) > 0.1 * height  # of 100,000 nats, 8 at the end have more than a tenth
    low, high = axes.get_ylim()
    assert low < -4 and high > 1e5
    ticks = axes.transData.transform([[0.0, tick] for tick in sorted(axes.get_yticks()) if low < tick < high])
    assert np.diff(ticks[:, 1]).min() > 12  # pixels: labels keep clear of each other


@pytest.mark.parametrize("losses", [np.array([3.0]), np.array([9.0, 4.0, 3.0, 3.0]), np.zeros(50)])
def test_evaluations_of_an_optimiser(
    given: Posterior, losses: np.ndarray, drawn: Callable[[Figure], Axes]
) -> None:
    axes = drawn(plot_elbo(with_losses(given, losses, "Collapsed(MAP)", "converged")))
    assert axes.get_xlabel() == "evaluation"
    assert axes.get_lines()[0].get_ydata() == pytest.approx(losses - losses.min())


@pytest.mark.parametrize("steps", [1, 5, 19, 20, 50])
def test_short_trainings(given: Posterior, steps: int, drawn: Callable[[Figure], Axes]) -> None:
    axes = drawn(plot_elbo(with_losses(given, falling(steps), stopped="step limit")))
    assert axes.get_xlabel() == "step"


def test_losses_that_are_not_finite_are_left_out(given: Posterior, drawn: Callable[[Figure], Axes]) -> None:
    losses = falling()
    losses[-1] = np.nan
    axes = drawn(plot_elbo(with_losses(given, losses)))
    assert np.isfinite(axes.get_ylim()).all()


def test_chains_have_no_loss(given: Posterior) -> None:
    with pytest.raises(UnsupportedError, match="NUTS keeps no losses"):
        plot_elbo(with_losses(given, np.empty(0), "NUTS", "finished"))
