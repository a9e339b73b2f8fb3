from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection, PolyCollection
from matplotlib.figure import Figure

from bayes_mtl import Posterior, TaskData
from bayes_mtl._errors import InputError, UnsupportedError
from bayes_mtl.likelihoods import Bernoulli, Categorical, Gaussian, Mixed
from bayes_mtl.plots import plot_fit
from bayes_mtl.plots._curve import Curve, curve, grid
from tests.plots.posteriors import LIKELIHOODS, class_data, gaussian_data, posterior


def panels(figure: Figure) -> list[Axes]:
    return [axes for axes in figure.axes if axes.get_visible()]


def lines(axes: Axes) -> dict[str, np.ndarray]:
    return {str(line.get_label()): np.asarray(line.get_xydata()) for line in axes.get_lines()}


def own_curve(given: Posterior, own: TaskData) -> Curve:
    return curve(given, own, 0, grid(own.x[:, 0]), 0.9)


def test_a_panel_a_task_with_its_observations(drawn: Callable[[Figure], Axes]) -> None:
    data = gaussian_data(5)
    figure = plot_fit(posterior(data), data, tasks=["school 003", "school 000"], feature="intake")
    drawn(figure)
    titles = [axes.get_title() for axes in panels(figure)]
    assert titles == ["school 003 (n = 11)", "school 000 (n = 8)"]
    own = data.subset(data.task == 3)
    expected = np.column_stack([own.x[:, 1], own.y])
    assert lines(panels(figure)[0])["observed"] == pytest.approx(expected)
    assert [axes.get_xlabel() for axes in panels(figure)] == ["intake", "intake"]
    assert panels(figure)[0].get_ylabel() == "y"


def test_six_tasks_from_few_observations_to_many(drawn: Callable[[Figure], Axes]) -> None:
    data = gaussian_data(11)  # 8, 9, ... 18 rows
    figure = plot_fit(posterior(data), data)
    drawn(figure)
    shown = [int(axes.get_title().split("= ")[1].rstrip(")")) for axes in panels(figure)]
    assert shown == [8, 10, 12, 14, 16, 18]


@pytest.mark.parametrize("kind", LIKELIHOODS)
def test_every_kind_of_target(kind: str, drawn: Callable[[Figure], Axes]) -> None:
    make, likelihood = LIKELIHOODS[kind]
    data = make()
    figure = plot_fit(posterior(data, likelihood=likelihood), data)
    drawn(figure)
    first = panels(figure)[0]
    bands = [c for c in first.collections if isinstance(c, PolyCollection)]
    legend = {text.get_text() for text in figure.legends[0].get_texts()}
    if kind == "three classes":
        assert legend == {"class 0", "class 1", "class 2"}
        curves = [lines(first)[f"class {k}"] for k in range(3)]
        assert np.sum([line[:, 1] for line in curves], 0) == pytest.approx(1.0, abs=1e-5)  # float32
        ticks = [line for line in first.get_lines() if line.get_marker() == "|"]
        assert sum(len(line.get_xdata()) for line in ticks) == 8
        assert first.get_ylabel() == "probability of y"
    else:
        assert len(bands) == 1
        assert "predicted" in legend and "observed" in legend
    if kind == "two classes":
        assert first.get_ylabel() == "probability of y = class 1"
        predicted = lines(first)["predicted"][:, 1]
        assert (predicted >= 0).all() and (predicted <= 1).all()


def test_two_categorical_classes_have_no_mean_but_probabilities(drawn: Callable[[Figure], Axes]) -> None:
    data = class_data(2)
    figure = plot_fit(posterior(data, likelihood=Categorical()), data)
    drawn(figure)
    first = panels(figure)[0]
    curves = [lines(first)[f"class {k}"][:, 1] for k in range(2)]
    assert np.sum(curves, 0) == pytest.approx(1.0, abs=1e-5)  # float32
    assert {text.get_text() for text in figure.legends[0].get_texts()} == {"class 0", "class 1"}
    assert first.get_ylabel() == "probability of y"


def test_the_curve_is_the_mixture_over_the_tasks_own_rows() -> None:
    data = gaussian_data(3)
    given, own = posterior(data), data.subset(data.task == 2)
    found = own_curve(given, own)
    # Gaussian: linear in the feature, at the mean of the other feature over the task's ten rows.
    rows = pd.DataFrame({"age": found.at, "intake": np.full(len(found.at), own.x[:, 1].mean())})
    expected = given.predict(rows, task=data.schema.tasks[2], kind="mean")
    assert found.mean == pytest.approx(expected.mean, abs=1e-4)  # float32
    assert (found.at[0], found.at[-1]) == (own.x[:, 0].min(), own.x[:, 0].max())
    # Wider than with the other feature held there, which makes targets scatter as well.
    held = given.predict(rows, task=data.schema.tasks[2])
    assert (found.upper - found.lower).mean() > (held.upper - held.lower).mean()


def test_offsets_and_trials_are_those_of_the_rows() -> None:
    make, likelihood = LIKELIHOODS["poisson"]
    data = make()
    data = replace(data, offset=np.where(np.arange(len(data)) % 2, 1.0, 0.0))
    given = posterior(data, likelihood=likelihood)
    found = own_curve(given, data.subset(data.task == 0))
    without = own_curve(given, replace(data, offset=np.zeros(len(data))).subset(data.task == 0))
    ratio = found.mean / without.mean  # a mixture of factors e and 1, weighted by the rows' other feature
    assert (ratio > 1).all() and (ratio < np.e).all()


def test_few_values_stay_those_values() -> None:
    data = gaussian_data(3)
    data = replace(data, x=np.column_stack([data.x[:, 0] > 0, data.x[:, 1]]).astype(float))
    found = own_curve(posterior(data), data.subset(data.task == 0))
    assert found.at.tolist() == [0.0, 1.0]


def test_after_a_formula_predictions_stand_at_the_observations(drawn: Callable[[Figure], Axes]) -> None:
    rng = np.random.default_rng(0)
    frame = pd.DataFrame({"a": rng.normal(size=30), "task": np.repeat(["u", "v"], 15)})
    frame["y"] = frame["a"] + rng.normal(size=30)
    data = TaskData.from_frame(frame, formula="y ~ a + I(a**2)", task="task")
    figure = plot_fit(posterior(data), data)
    axes = drawn(figure)
    assert any(isinstance(c, LineCollection) for c in axes.collections)
    own = data.subset(data.task == 0)
    assert lines(axes)["predicted"][:, 0] == pytest.approx(np.sort(own.x[:, 0]))


def test_a_task_without_observations_says_so(drawn: Callable[[Figure], Axes]) -> None:
    data = gaussian_data(3)
    figure = plot_fit(posterior(data), data.subset(data.task > 0), tasks=["school 000", "school 001"])
    axes = drawn(figure)
    assert [text.get_text() for text in axes.texts] == ["no observations"]


def test_tasks_of_very_different_size_have_axes_of_their_own() -> None:
    data = gaussian_data(3)
    given = posterior(data)
    assert len({axes.get_ylim() for axes in panels(plot_fit(given, data))}) == 1
    wild = replace(data, y=np.where(data.task == 0, 100 * data.y, data.y))
    assert len({axes.get_ylim() for axes in panels(plot_fit(posterior(wild), wild))}) > 1


def test_tasks_of_different_kinds(drawn: Callable[[Figure], Axes]) -> None:
    data = gaussian_data(4)
    data = replace(data, y=np.where(data.task == 2, (data.y > 0).astype(float), data.y))
    likelihood = Mixed({"school 002": Bernoulli()}, default=Gaussian())
    figure = plot_fit(posterior(data, likelihood=likelihood), data, tasks=["school 000", "school 002"])
    drawn(figure)
    assert [axes.get_ylabel() for axes in panels(figure)] == ["y", "probability of y = 1"]


def test_a_task_with_two_rows_is_predicted_over_the_range_of_all(
    drawn: Callable[[Figure], Axes],
) -> None:
    data = gaussian_data(3, rows=20)
    few = data.subset((data.task > 0) | (np.arange(len(data)) < 2))
    figure = plot_fit(posterior(few), few)
    drawn(figure)
    ends = [lines(axes)["predicted"][[0, -1], 0] for axes in panels(figure)]
    assert panels(figure)[0].get_title() == "school 000 (n = 2)"
    assert np.ptp(ends, axis=0) == pytest.approx(0.0)
    assert ends[0].tolist() == [few.x[:, 0].min(), few.x[:, 0].max()]


def test_errors_name_what_is_wrong() -> None:
    data = gaussian_data(2)
    given = posterior(data)
    with pytest.raises(InputError, match="found 'height'"):
        plot_fit(given, data, feature="height")
    with pytest.raises(InputError, match="school 7"):
        plot_fit(given, data, tasks=["school 7"])
    with pytest.raises(InputError, match="at least one name"):
        plot_fit(given, data, tasks=[])
    with pytest.raises(UnsupportedError, match="plain rows"):
        plot_fit(given, replace(data, x=np.zeros((len(data), 3, 2))))


def test_one_task_on_axes_of_ones_own(drawn: Callable[[Figure], Axes]) -> None:
    data = gaussian_data()
    fitted = posterior(data)
    axes = Figure().add_subplot()
    assert plot_fit(fitted, data, tasks=[data.schema.tasks[1]], ax=axes) is axes.figure
    assert data.schema.tasks[1] in drawn(axes.figure).get_title()
    assert axes.get_legend() is not None
    with pytest.raises(InputError, match="tasks: expected one, for one axes"):
        plot_fit(fitted, data, ax=axes)
