"""Names on axes."""

from collections.abc import Callable

import pytest
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from bayes_mtl.plots._labels import LONGEST, label_axis, shown
from bayes_mtl.plots._palette import class_colours


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("school 3", "school 3"),
        ("two\nlines\t here", "two lines here"),
        ("$x^2$", r"\$x^2\$"),
        ("\x1b[31mred\x00 \u202eok", "[31mred ok"),
        (r"$\frac$", r"\$\frac\$"),
    ],
)
def test_names_are_shown_as_they_are(name: str, text: str, drawn: Callable[[Figure], Axes]) -> None:
    assert shown(name) == text
    figure = Figure()
    figure.add_subplot()
    figure.suptitle(shown(name))
    drawn(figure)  # would raise where Matplotlib read mathematics that are none


def test_long_names_keep_both_ends() -> None:
    text = shown("a school with a very long name indeed, number 17")
    assert len(text) == LONGEST
    assert text.startswith("a school") and text.endswith("17") and "…" in text


@pytest.mark.parametrize(("number", "most", "step"), [(5, 60, 1), (60, 60, 1), (61, 60, 2), (500, 60, 9)])
def test_labels_are_thinned(number: int, most: int, step: int) -> None:
    axes = Figure().add_subplot()
    names = [f"task {i}" for i in range(number)]
    assert label_axis(axes, "y", names, most) == step
    labels = [label.get_text() for label in axes.get_yticklabels()]
    assert labels == names[::step]
    assert len(labels) <= most


@pytest.mark.parametrize("number", [2, 7, 8, 30])
def test_classes_have_different_colours(number: int) -> None:
    assert len(set(class_colours(number))) == number
