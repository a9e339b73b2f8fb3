"""Gains and losses of tasks by learning together."""

from typing import TYPE_CHECKING

import numpy as np

from bayes_mtl.diagnostics import Transfer
from bayes_mtl.plots._canvas import canvas
from bayes_mtl.plots._labels import every, label_axis, legend_above
from bayes_mtl.plots._palette import BLUE, GREY, RED

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_MOST_LABELS = 60
_COLOURS = {"gain": BLUE, "unclear": GREY, "loss": RED}


def plot_transfer(transfer: Transfer, ax: "Axes | None" = None) -> "Figure":
    """Gain of every task against its own single-task fit, with intervals, sorted.

    Parameters
    ----------
    transfer
        What `bayes_mtl.diagnostics.transfer` returned.
    ax
        Axes to draw on; a new figure by default.

    Returns
    -------
    matplotlib.figure.Figure
        Right of 0 a task gained, left of it it lost. Tasks with a single observation have no interval.
    """
    table = transfer.table.sort_values("gain")
    number = len(table)
    figure, axes = canvas(ax, 6.5, float(np.clip(1.3 + 0.22 * number, 2.2, 12.0)))
    place = np.arange(number)
    width = float(np.clip(90 / number, 0.7, 2.0))
    size = 1.5 + 1.5 * width
    known = np.isfinite(table["lower"]).to_numpy()
    axes.axvline(0.0, color=GREY, lw=0.8, ls=":")
    for verdict, colour in _COLOURS.items():
        own = (table["verdict"] == verdict).to_numpy()
        if own.any():
            shown = table[own & known]
            front = 2.0 if verdict == "unclear" else 2.1  # among hundreds the rest would hide behind these
            axes.hlines(
                place[own & known], shown["lower"], shown["upper"], color=colour, lw=width, zorder=front
            )
            label = f"{verdict} ({int(own.sum())})"
            axes.plot(
                table["gain"][own],
                place[own],
                ls="",
                marker="o",
                ms=size,
                color=colour,
                label=label,
                zorder=front,
            )
    axes.set_ylim(-0.8, number - 0.2)
    step = label_axis(axes, "y", [str(task) for task in table.index], _MOST_LABELS)
    axes.set_ylabel(f"task{every(step)}")
    judged = "held-out" if transfer.held_out else "left-out"
    axes.set_xlabel(f"gain, nats a {judged} observation: mean and {100 * transfer.level:.4g} % interval")
    legend_above(axes, 3, dot=size)
    axes.grid(axis="x", alpha=0.2)
    return figure
