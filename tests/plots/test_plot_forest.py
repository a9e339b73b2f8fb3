from collections.abc import Callable
from itertools import pairwise

import numpy as np
import pytest
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.figure import Figure

from bayes_mtl import TaskData
from bayes_mtl._errors import InputError
from bayes_mtl.likelihoods import Categorical, Gaussian
from bayes_mtl.plots import plot_forest
from bayes_mtl.priors import Independent
from tests.plots.posteriors import class_data, gaussian_data, posterior


def segments(axes: Axes) -> np.ndarray:
    """``[tasks, 2]``: the ends of the intervals, from below."""
    (lines,) = [c for c in axes.collections if isinstance(c, LineCollection)]
    return np.array([segment[:, 0] for segment in lines.get_segments()])


def labels(axes: Axes) -> list[str]:
    return [label.get_text() for label in axes.get_yticklabels()]


@pytest.mark.parametrize("feature", ["Intercept", "intake"])
def test_one_interval_a_task_sorted_by_mean(feature: str, drawn: Callable[[Figure], Axes]) -> None:
    given = posterior(gaussian_data(5))
    axes = drawn(plot_forest(given, feature, level=0.8))
    table = given.weights(0.8).xs(feature, level="feature").sort_values("mean")
    assert segments(axes) == pytest.approx(table[["lower", "upper"]].to_numpy())
    assert labels(axes) == list(table.index)
    (means,) = [line for line in axes.get_lines() if line.get_label() == "task"]
    assert means.get_xdata() == pytest.approx(table["mean"].to_numpy())
    assert axes.get_xlabel() == f"weight of {feature}: mean and 80 % interval"


@pytest.mark.parametrize("feature", ["Intercept", "age"])
def test_population_mean_is_in_the_units_of_the_tasks(feature: str, drawn: Callable[[Figure], Axes]) -> None:
    data = gaussian_data(5)
    given = posterior(data)
    axes = drawn(plot_forest(given, feature))
    (line,) = [line for line in axes.get_lines() if line.get_label() == "mean of the population"]
    scaling = given.program.scaling
    mean = given.draws["mean"][:, 0, :, 0].double().numpy() * scaling.spread[0, 0]
    slopes = mean[:, 1:] / scaling.x_sd
    intercept = mean[:, 0] + scaling.shift[0, 0] - (slopes * scaling.x_mean).sum(1)
    expected = intercept if feature == "Intercept" else slopes[:, 0]
    assert line.get_xdata()[0] == pytest.approx(expected.mean(), rel=1e-5)  # float32 draws


@pytest.mark.parametrize("case", ["no mean in the prior", "tasks have units of their own"])
def test_no_population_mean_where_there_is_none(case: str, drawn: Callable[[Figure], Axes]) -> None:
    if case == "no mean in the prior":
        given = posterior(gaussian_data(3), Independent())
    else:
        given = posterior(gaussian_data(3), likelihood=Gaussian(units="task"))
    axes = drawn(plot_forest(given, "age"))
    assert [line.get_label() for line in axes.get_lines()][:1] == ["task"]


def test_500_tasks_keep_their_labels_apart(drawn: Callable[[Figure], Axes]) -> None:
    given = posterior(gaussian_data(500, rows=2))
    figure = plot_forest(given)
    axes = drawn(figure)
    assert len(segments(axes)) == 500
    assert 30 <= len(labels(axes)) <= 60
    assert "1 in 9 named" in axes.get_ylabel()
    assert max(figure.get_size_inches()) <= 12
    boxes = [label.get_window_extent() for label in axes.get_yticklabels()]
    assert all(above.y0 >= below.y1 for below, above in pairwise(boxes))


def test_chosen_tasks_and_given_axes(drawn: Callable[[Figure], Axes]) -> None:
    given, figure = posterior(gaussian_data(5)), Figure()
    axes = figure.add_subplot()
    assert plot_forest(given, "age", tasks=["school 004", "school 001"], ax=axes) is figure
    assert set(labels(axes)) == {"school 004", "school 001"}
    subfigure = Figure().subfigures(1, 2)[0]
    assert plot_forest(given, "age", ax=subfigure.add_subplot()) is subfigure.figure


def test_outputs_are_chosen_by_name_or_number(drawn: Callable[[Figure], Axes]) -> None:
    given = posterior(class_data(3), likelihood=Categorical())
    table = given.weights(0.9)
    for output in ("class 2", 2):
        axes = drawn(plot_forest(given, "age", output=output))
        expected = table.xs(("age", "class 2"), level=("feature", "output"))["mean"].sort_values()
        assert segments(axes).mean(1).shape == (4,)
        (means,) = [line for line in axes.get_lines() if line.get_label() == "task"]
        assert means.get_xdata() == pytest.approx(expected.to_numpy())
        assert "output class 2" in axes.get_xlabel()
    assert "output class 0" in drawn(plot_forest(given, "age")).get_xlabel()


def test_the_first_weight_is_the_default(drawn: Callable[[Figure], Axes]) -> None:
    data = gaussian_data(2)
    assert drawn(plot_forest(posterior(data))).get_xlabel().startswith("weight of Intercept")
    bare = TaskData.from_arrays(data.x, data.y, data.task, feature_names=["age", "intake"], intercept=False)
    assert drawn(plot_forest(posterior(bare))).get_xlabel().startswith("weight of age")


def test_unknown_names_are_errors(unchecked: None) -> None:
    given = posterior(gaussian_data(2))
    with pytest.raises(InputError, match=r"feature: expected one of .*'age'.*found 'agee'"):
        plot_forest(given, "agee")
    with pytest.raises(InputError, match="school 9"):
        plot_forest(given, tasks=["school 9"])
    with pytest.raises(InputError, match="output"):
        plot_forest(given, output=3)
    with pytest.raises(InputError, match="tasks"):
        plot_forest(given, tasks=[])
    with pytest.raises(TypeError, match="one Axes of Matplotlib"):
        plot_forest(given, ax=Figure().subplots(1, 2))
