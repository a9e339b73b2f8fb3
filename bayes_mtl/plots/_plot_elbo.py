"""The loss of a training."""

import math
from typing import TYPE_CHECKING

import numpy as np

from bayes_mtl._errors import UnsupportedError
from bayes_mtl.plots._canvas import canvas
from bayes_mtl.plots._palette import BLUE, GREY, RED
from bayes_mtl.posterior import Posterior

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_OF_STEPS = ("plateau", "step limit", "interrupted")
_SHORTEST = 20


def plot_elbo(posterior: Posterior, ax: "Axes | None" = None) -> "Figure":
    """Loss (negative ELBO) at every step, and its running mean.

    The axis is linear within a few nats, or the noise, of the final level and logarithmic above, so
    that the drop at the start does not flatten the end, which tells whether the training converged.

    Parameters
    ----------
    posterior
        Of an inference that minimises a loss.
    ax
        Axes to draw on; a new figure by default.

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    UnsupportedError
        For chains, which have no loss.
    """
    record = posterior.record
    losses = np.asarray(record.losses, dtype=np.float64)
    if not np.isfinite(losses).any():
        raise UnsupportedError(
            f"{record.method} keeps no losses to plot. Use bayes_mtl.diagnostics.check(posterior), or "
            "ArviZ's trace plots of posterior.to_arviz()."
        )
    from matplotlib.ticker import MaxNLocator

    noisy = "SVI" in record.method or record.stopped in _OF_STEPS
    level, linear = _final_level(losses, noisy)
    above = losses - level

    figure, axes = canvas(ax, 7.0, 4.0)
    steps = np.arange(1, len(losses) + 1)
    if noisy and len(losses) >= _SHORTEST:
        window = min(250, max(5, len(losses) // 50))
        axes.plot(steps, above, color=BLUE, lw=0.6, alpha=0.4, label="loss")
        smooth = _running_mean(steps, above, window)
        axes.plot(*smooth, color=RED, lw=1.6, label=f"mean of {window} steps")
    else:
        axes.plot(steps, above, color=BLUE, lw=1.2, marker=".", ms=4, label="loss")
    axes.axhline(0.0, color=GREY, lw=0.8, ls=":")
    _zoom(axes, above, linear)
    axes.set_xlim(0, len(losses) + 1)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.set_xlabel("step" if noisy else "evaluation")
    axes.set_ylabel(f"loss above its final level, {level:,.4g} (nats)")
    axes.set_title(f"{record.method}, stopped: {record.stopped}", fontsize=10)
    axes.legend(frameon=False, loc="upper right")
    axes.grid(alpha=0.2)
    return figure


def _final_level(losses: np.ndarray, noisy: bool) -> tuple[float, float]:
    """Where the loss ended, and the half-width in which the axis is linear: its noise, a nat at least."""
    finite = losses[np.isfinite(losses)]
    if not noisy:
        return float(finite.min()), 1.0
    tail = finite[-max(10, len(finite) // 10) :]
    return float(tail.mean()), max(1.0, 4.0 * float(tail.std()))


def _zoom(axes: "Axes", above: np.ndarray, linear: float) -> None:
    """Linear near the final level and logarithmic above, with ticks that keep clear of each other."""
    finite = above[np.isfinite(above)]
    highest, lowest = max(float(finite.max()), linear), min(float(finite.min()), -0.2 * linear)
    axes.set_yscale("symlog", linthresh=linear, linscale=1.0)
    axes.set_ylim(1.2 * lowest, 1.6 * highest)
    first, last = math.ceil(math.log10(linear)), math.floor(math.log10(1.6 * highest))
    decades = [10.0**power for power in range(first, max(first, last) + 1)]
    ticks = [0.0, *decades, *(-tick for tick in decades if tick <= -1.2 * lowest)]
    axes.set_yticks(ticks, [f"{tick:,.0f}" for tick in ticks])
    axes.minorticks_off()


def _running_mean(steps: np.ndarray, losses: np.ndarray, window: int) -> tuple[np.ndarray, np.ndarray]:
    sums = np.cumsum(np.concatenate([[0.0], losses]))
    return steps[window - 1 :] - (window - 1) / 2, (sums[window:] - sums[:-window]) / window
