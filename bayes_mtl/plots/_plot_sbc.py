"""Ranks of simulation-based calibration against uniform ones."""

from typing import TYPE_CHECKING

import numpy as np

from bayes_mtl._errors import InputError, message
from bayes_mtl.diagnostics import SimulationBasedCalibration
from bayes_mtl.plots._canvas import canvas
from bayes_mtl.plots._labels import legend_above, shown
from bayes_mtl.plots._palette import BLUE, GREY, class_colours

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_NAMED = 6


def plot_sbc(
    found: SimulationBasedCalibration,
    quantity: str | None = None,
    probability: float = 0.95,
    ax: "Axes | None" = None,
) -> "Figure":
    """Distribution functions of the ranks of all quantities, less the uniform one; or a histogram of one.

    Parameters
    ----------
    found
        What `bayes_mtl.diagnostics.sbc` returned.
    quantity
        A quantity whose ranks are shown as a histogram.
    probability
        With which a line of uniform ranks stays within the band from end to end; a bar of the histogram, by
        itself, within its own.
    ax
        Axes to draw on; a new figure by default.

    Returns
    -------
    matplotlib.figure.Figure
        Lines that leave the band have a colour and a name. One that rises, falls and rises says that the
        posterior is too narrow; one that falls, rises and falls, too wide; one above 0, too high.

    Raises
    ------
    InputError
        For an unknown quantity, or a probability outside of 0 to 1.
    """
    if not 0 < probability < 1:
        raise InputError(message("probability", "between 0 and 1", probability, "Try 0.95."))
    figure, axes = canvas(ax, 6.5, 3.6)
    if quantity is not None:
        _histogram(found, quantity, probability, axes)
        return figure
    band = found.band
    lower, upper = band.limits(probability)
    at = band.points
    axes.fill_between(
        at,
        lower - at,
        upper - at,
        color=GREY,
        alpha=0.2,
        lw=0,
        step="post",
        label=f"uniform, {100 * probability:.4g} %",
    )
    axes.axhline(0.0, color=GREY, lw=0.8, ls=":")
    p = band.p_value(found.ranks)
    outside = [found.names[i] for i in np.argsort(p, kind="stable") if p[i] <= 1 - probability]
    colours = dict(zip(outside[:_NAMED], class_colours(_NAMED), strict=False))
    for name in sorted(found.names, key=lambda name: name in colours):
        style = {"color": colours[name], "lw": 1.5, "label": shown(name)} if name in colours else {}
        axes.plot(at, found.ecdf(name) - at, **{"color": GREY, "lw": 0.6, "alpha": 0.6, **style, "zorder": 2})
    axes.set_xlim(0, 1)
    axes.set_xlabel("rank of the truth among the draws, as a share")
    axes.set_ylabel("share below, less expected")
    legend_above(axes, 2)
    return figure


def _histogram(found: SimulationBasedCalibration, quantity: str, probability: float, axes: "Axes") -> None:
    from scipy.stats import binom

    bins = max(2, min(20, len(found.ranks) // 5, found.draws + 1))
    counts, sizes = found.histogram(quantity, bins)
    share = sizes / (found.draws + 1)
    edges = np.concatenate([[0.0], np.cumsum(share)])
    lower, upper = (
        binom.ppf(p, len(found.ranks), share) for p in ((1 - probability) / 2, (1 + probability) / 2)
    )
    axes.bar(edges[:-1], counts, np.diff(edges), align="edge", color=BLUE, edgecolor="white", lw=0.5)
    axes.fill_between(
        edges,
        np.append(lower, lower[-1]),
        np.append(upper, upper[-1]),
        step="post",
        color=GREY,
        alpha=0.3,
        lw=0,
    )
    axes.set_xlim(0, 1)
    axes.set_xlabel("rank of the truth among the draws, as a share")
    axes.set_ylabel("simulations")
    axes.set_title(shown(quantity))
