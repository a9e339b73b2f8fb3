"""A colour bar whose label fits beside it."""

from textwrap import fill
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.colorbar import Colorbar
    from matplotlib.figure import Figure

_POINTS = 72
_WIDE = 0.55
"""Width of a letter, on average, in sizes of its font."""


def colour_bar(figure: "Figure", image: Any, axes: "Axes", label: str, **options: Any) -> "Colorbar":
    """A bar beside the axes, its label broken into lines that are no longer than the bar.

    Labels that are longer than the bar run over the edge of a small figure.
    """
    bar = figure.colorbar(image, ax=axes, pad=0.02, **options)
    engine = figure.get_layout_engine()
    if engine is not None:
        engine.execute(figure)  # gives the bar its size
    inches = bar.ax.get_position().height * figure.get_figheight()
    letters = inches * _POINTS / (_WIDE * float(bar.ax.yaxis.label.get_fontsize()))
    bar.set_label(fill(label, max(12, int(letters)), break_long_words=False))
    return bar
