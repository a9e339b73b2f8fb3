"""How far predictive distributions are from calibrated ones."""

from typing import TYPE_CHECKING

import numpy as np

from bayes_mtl.diagnostics import Calibration
from bayes_mtl.plots._canvas import canvas
from bayes_mtl.plots._labels import legend_above
from bayes_mtl.plots._palette import BLUE, GREY

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


def plot_calibration(calibration: Calibration, band: float = 0.95, ax: "Axes | None" = None) -> "Figure":
    """Distribution of the probability integral transform, less the uniform one of calibrated predictions.

    Parameters
    ----------
    calibration
        What `bayes_mtl.diagnostics.calibration` returned.
    band
        Probability with which the whole line of calibrated, independent predictions stays in the band, at
        least (the inequality of Dvoretzky, Kiefer and Wolfowitz with Massart's constant).
    ax
        Axes to draw on; a new figure by default.

    Returns
    -------
    matplotlib.figure.Figure
        A line that falls, rises and falls says that intervals are too wide; one that rises, falls and rises,
        too narrow; one above 0 throughout, that targets lie lower than predicted.
    """
    figure, axes = canvas(ax, 6.5, 3.6)
    sorted_pit = np.sort(calibration.pit)
    number = len(sorted_pit)
    share = np.arange(1, number + 1) / number
    axes.axhspan(
        *(side * np.sqrt(np.log(2 / (1 - band)) / (2 * number)) for side in (-1, 1)),
        color=GREY,
        alpha=0.2,
        lw=0,
        label=f"calibrated, {100 * band:.4g} %",
    )
    axes.axhline(0.0, color=GREY, lw=0.8, ls=":")
    at = np.concatenate([[0.0], sorted_pit, [1.0]])
    axes.plot(at, np.concatenate([[0.0], share - sorted_pit, [0.0]]), color=BLUE, lw=1.4, label="targets")
    axes.set_xlim(0, 1)
    axes.set_xlabel("place of the target in its predictive distribution")
    axes.set_ylabel("share below, less expected")
    legend_above(axes, 2)
    return figure
