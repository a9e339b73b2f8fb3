"""Labels of colour bars stay inside of the figure, whatever the size of the figure and the names."""

from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from bayes_mtl.plots import plot_affinity
from bayes_mtl.plots._colour_bar import colour_bar
from bayes_mtl.plots._labels import room

LABEL = "probability that the task belongs to the cluster of all tasks that are like it"


@pytest.mark.parametrize("height", [2.0, 4.0, 12.0])
def test_a_long_label_is_broken(height: float, drawn: Callable[[Figure], Axes]) -> None:
    figure = Figure(figsize=(5.0, height), layout="constrained")
    axes = figure.add_subplot()
    bar = colour_bar(figure, axes.imshow(np.eye(3)), axes, LABEL)
    drawn(figure)
    extent = bar.ax.yaxis.label.get_window_extent()
    assert extent.y0 >= 0 and extent.y1 <= figure.bbox.height and extent.x1 <= figure.bbox.width
    assert bar.ax.yaxis.label.get_text().replace("\n", " ") == LABEL
    assert ("\n" in bar.ax.yaxis.label.get_text()) == (height < 10)


def test_long_names_leave_the_map_its_size(drawn: Callable[[Figure], Axes]) -> None:
    widths = []
    for name in ("a", "a school with a long name "):
        names = [f"{name}{i}" for i in range(5)]
        axes = drawn(plot_affinity(pd.DataFrame(np.eye(5), names, names)))
        widths.append(axes.get_window_extent().width)
    # letters differ in width, so the room for names is a guess
    assert widths[1] > 0.8 * widths[0]
    assert room(["short"]) == 0.0 < room(["a name of twenty-five let."])
