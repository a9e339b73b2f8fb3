"""Maps of experts and tasks show the numbers of their tables."""

import itertools
from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from bayes_mtl._errors import InputError
from bayes_mtl.diagnostics import Diversity
from bayes_mtl.plots import plot_affinity, plot_diversity, plot_expert_use, plot_task_similarity


def image(axes: Axes) -> np.ndarray:
    (found,) = axes.get_images()
    return np.ma.filled(np.ma.asarray(found.get_array()).astype(float), np.nan)


def test_diversity_and_its_score(drawn: Callable[[Figure], Axes]) -> None:
    matrix = np.array([[0.0, 1.0, 0.5], [1.0, 0.0, 0.7], [0.5, 0.7, 0.0]])
    axes = drawn(plot_diversity(Diversity(matrix)))
    np.testing.assert_array_equal(image(axes), matrix)
    assert "score 0.489" in axes.get_title()
    assert len(axes.texts) == 9


def test_use_of_many_tasks(drawn: Callable[[Figure], Axes]) -> None:
    use = pd.DataFrame(np.random.default_rng(0).dirichlet(np.ones(4), 60), [f"task ${i}" for i in range(60)])
    axes = drawn(plot_expert_use(use))
    np.testing.assert_array_equal(image(axes), use)
    assert "1 in 2 named" in axes.get_ylabel() and axes.get_xlabel() == "expert"
    assert not axes.texts


def test_alike_tasks_are_neighbours_and_gaps_are_grey(drawn: Callable[[Figure], Axes]) -> None:
    values = np.array([[1, -0.5, 0.9], [-0.5, 1, -0.6], [0.9, -0.6, 1]])
    frame = pd.DataFrame(values, list("abc"), list("abc"))
    axes = drawn(plot_task_similarity(frame))
    order = [label.get_text() for label in axes.get_yticklabels()]
    assert abs(order.index("a") - order.index("c")) == 1
    np.testing.assert_array_equal(image(axes), frame.loc[order, order])
    frame.iloc[1] = frame.iloc[:, 1] = np.nan
    assert np.isnan(image(drawn(plot_task_similarity(frame)))).sum() == 5


def test_affinities_keep_their_order_and_sign(drawn: Callable[[Figure], Axes]) -> None:
    frame = pd.DataFrame([[0.1, -0.02], [0.05, 0.2]], ["a", "b"], ["a", "b"])
    axes = drawn(plot_affinity(frame))
    np.testing.assert_array_equal(image(axes), frame)
    assert axes.get_images()[0].get_clim() == (-0.2, 0.2)
    assert axes.get_ylabel() == "a step on"


def test_axes_of_ones_own_and_empty_tables() -> None:
    axes = Figure().add_subplot()
    matrix = np.zeros((2, 2))
    assert plot_diversity(Diversity(matrix), ax=axes) is axes.figure
    assert "score" in axes.get_title()
    with pytest.raises(InputError, match="rows and columns"):
        plot_expert_use(pd.DataFrame())


def test_numbers_are_as_wide_as_each_other_and_closed_gates_are_zeros(
    drawn: Callable[[Figure], Axes],
) -> None:
    use = pd.DataFrame([[0.0968, 0.9032, 0.0], [0.001, 0.5, 0.499]], ["a", "b"])
    axes = drawn(plot_expert_use(use))
    assert [text.get_text() for text in axes.texts] == ["0.10", "0.90", "0", "0.00", "0.50", "0.50"]


def test_small_numbers_are_written_larger_and_the_bar_says_so(drawn: Callable[[Figure], Axes]) -> None:
    frame = pd.DataFrame([[0.0021, -0.0004], [0.0, 0.0012]], ["a", "b"], ["a", "b"])
    figure = plot_affinity(frame)
    axes = drawn(figure)
    assert [text.get_text() for text in axes.texts] == ["2.1", "-0.4", "0", "1.2"]
    assert "10^{-3}" in figure.axes[1].get_ylabel()
    np.testing.assert_allclose(image(axes), 1000 * frame, rtol=1e-12)  # rounding


@pytest.mark.parametrize(("rows", "square"), [(8, True), (60, False)])
def test_many_tasks_of_few_experts_are_no_thread(
    rows: int, square: bool, drawn: Callable[[Figure], Axes]
) -> None:
    use = pd.DataFrame(np.full((rows, 4), 0.25), [f"task {i}" for i in range(rows)])
    axes = drawn(plot_expert_use(use))
    box = axes.get_window_extent()
    assert (abs(box.height / box.width - 2) < 0.01) == square
    assert box.width > 1.5 * axes.figure.dpi  # inches


def test_names_that_would_touch_stand_upright(drawn: Callable[[Figure], Axes]) -> None:
    for names, upright in ([f"school {i:03d}" for i in range(5)], True), (list("abcde"), False):
        axes = drawn(plot_task_similarity(pd.DataFrame(np.eye(5), names, names)))
        boxes = sorted((text.get_window_extent() for text in axes.get_xticklabels()), key=lambda box: box.x0)
        assert all(left.x1 < right.x0 for left, right in itertools.pairwise(boxes))
        assert (axes.get_xticklabels()[0].get_rotation() == 90) == upright
