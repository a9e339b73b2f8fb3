"""Names on axes: short enough, few enough, and never read as mathematics."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from matplotlib.axes import Axes

LONGEST = 28
_SHORT = 8  # letters for which every figure has room
_LETTER = 0.065  # inches, of size 9
_LEFT_OF_BAR = 0.65  # what axes keep of their width when room is made for labels and a bar of colours


def shown(name: str, longest: int = LONGEST) -> str:
    """A user's name as Matplotlib shows it as it is: one line, dollars escaped, the middle cut out.

    Control characters, which an SVG file must not hold, and those that turn the direction of text become
    spaces.
    """
    text = " ".join("".join(c if c.isprintable() else " " for c in name).split())
    if len(text) > longest:
        head = (longest - 1) * 2 // 3
        text = f"{text[:head]}…{text[len(text) - (longest - 1 - head) :]}"
    return text.replace("$", r"\$")


def label_axis(axes: "Axes", which: Literal["x", "y"], names: Sequence[str], most: int) -> int:
    """Put names at 0, 1, 2, ... of an axis, thinned to at most ``most``.

    Returns
    -------
    int
        ``n`` where every n-th is named.
    """
    step = max(1, -(-len(names) // most))
    at = range(0, len(names), step)
    axis = axes.xaxis if which == "x" else axes.yaxis
    small = 9 if len(at) <= 30 else 7
    axis.set_ticks(list(at), [shown(names[i]) for i in at], fontsize=small)
    if which == "x":
        longest = max((len(shown(names[i])) for i in at), default=0)
        inches = axes.bbox.width / axes.figure.dpi
        if (longest + 1) * len(at) * _LETTER * small / 9 > _LEFT_OF_BAR * inches:
            axes.tick_params("x", rotation=90)
    return step


def legend_above(axes: "Axes", columns: int, *, dot: float | None = None) -> None:
    """A legend above the axes, since what is drawn may lie anywhere in them.

    Parameters
    ----------
    columns
        How many entries stand side by side.
    dot
        Size of the dots in the axes, where they become small among many; the legend's stay as large as 5.
    """
    axes.legend(
        loc="lower right",
        bbox_to_anchor=(1.0, 1.0),
        borderaxespad=0.2,
        ncols=columns,
        frameon=False,
        markerscale=1.0 if dot is None else 5 / dot,
    )


def room(names: Sequence[str]) -> float:
    """Inches that a figure needs beyond its content for the longest of some names, in the font of an axis."""
    longest = max((len(shown(name)) for name in names), default=0)
    return _LETTER * max(0, longest - _SHORT)


def every(step: int) -> str:
    """How an axis says that it was thinned."""
    return "" if step == 1 else f" (1 in {step} named)"
