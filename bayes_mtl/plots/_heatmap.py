"""A table of numbers as a map of colours."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal

import numpy as np

from bayes_mtl._errors import InputError, message
from bayes_mtl.plots._canvas import canvas
from bayes_mtl.plots._colour_bar import colour_bar
from bayes_mtl.plots._labels import every, label_axis, room

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_MOST_LABELS = 50
_MOST_NUMBERS = 12
"""Rows and columns up to which the numbers are written into the map."""
_MOST_UNEVEN = 3
"""Rows a column, or columns a row, up to which cells are squares."""


def _power(known: np.ndarray) -> int:
    """By which power of ten, a multiple of 3, small numbers are written larger: long ones would touch."""
    largest = float(np.abs(known).max(initial=0.0))
    return 3 * int(np.ceil(-np.log10(largest / 0.05) / 3)) if 0 < largest < 0.05 else 0


def heatmap(
    values: np.ndarray,
    rows: Sequence[str],
    columns: Sequence[str],
    *,
    names: tuple[str, str],
    label: str,
    most: float | None,
    ax: "Axes | None",
) -> "Figure":
    """A map of ``[rows, columns]``, grey where a number is missing.

    Parameters
    ----------
    names
        What rows and columns are.
    label
        Of the colour bar.
    most
        End of the scale; None for the largest number. Where a number is below 0 the scale is symmetric.
    """
    if values.ndim != 2 or not values.size:
        raise InputError(message("table", "rows and columns", f"shape {values.shape}", "Pass a table."))
    from matplotlib import colormaps

    number = max(values.shape)
    # Square cells of five hundred tasks and eight experts would be a thread.
    square = number <= _MOST_UNEVEN * min(values.shape)
    if square:
        width = float(np.clip(2.0 + 0.28 * number, 3.6, 10.0))
        height = width * min(1.0, 0.4 + len(rows) / number)
    else:
        width, height = (float(np.clip(1.5 + 0.28 * n, 3.0, 10.0)) for n in (len(columns), len(rows)))
    layout: Literal["compressed", "constrained"] = "compressed" if square else "constrained"
    figure, axes = canvas(ax, width + 1.2 + room(rows), height + room(columns), layout)
    known = values[np.isfinite(values)]
    power = _power(known) if most is None else 0
    if power:
        values, known, label = values * 10.0**power, known * 10.0**power, rf"{label}, in $10^{{-{power}}}$"
    signed = bool(known.size and known.min() < 0)
    end = float(np.abs(known).max()) if most is None and known.size else (most or 1.0)
    end = end if end > 0 else 1.0
    image = axes.imshow(
        np.where(np.isfinite(values), values, np.nan),
        cmap=colormaps["PuOr_r" if signed else "cividis"].with_extremes(bad="#D9D9D9"),
        vmin=-end if signed else 0.0,
        vmax=end,
        interpolation="nearest",
        aspect="equal" if square else "auto",
    )
    step = label_axis(axes, "y", rows, _MOST_LABELS)
    across = label_axis(axes, "x", columns, _MOST_LABELS)
    axes.set_ylabel(f"{names[0]}{every(step)}")
    axes.set_xlabel(f"{names[1]}{every(across)}")
    if number <= _MOST_NUMBERS:
        # As wide as each other, so that neighbours do not touch; an exact 0 is told from a small number.
        decimals = int(np.clip(2 - np.ceil(np.log10(end)), 0, 6))
        for (i, j), value in np.ndenumerate(values):
            if np.isfinite(value):
                red, green, blue, _ = image.cmap(image.norm(value))
                dark = 0.299 * red + 0.587 * green + 0.114 * blue < 0.5  # how bright the eye sees it
                colour = "white" if dark else "black"
                axes.text(
                    j,
                    i,
                    f"{value:.{decimals}f}" if value else "0",
                    ha="center",
                    va="center",
                    color=colour,
                    fontsize=8,
                )
    colour_bar(figure, image, axes, label, shrink=0.8)
    return figure
