"""Observations of some tasks and what the model predicts for them."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from bayes_mtl._errors import InputError, UnsupportedError, message
from bayes_mtl.data import TaskData
from bayes_mtl.data._require_data import require_data
from bayes_mtl.plots._canvas import canvas, new_figure
from bayes_mtl.plots._curve import Curve, curve, grid
from bayes_mtl.plots._labels import shown
from bayes_mtl.plots._palette import BLUE, GREY, class_colours
from bayes_mtl.posterior import Posterior

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_PANELS, _ACROSS = 6, 3
_MOST_UNLIKE, _SPREAD = 4.0, 5


def plot_fit(
    posterior: Posterior,
    data: TaskData,
    tasks: Sequence[str] | None = None,
    feature: str | None = None,
    level: float = 0.9,
    ax: "Axes | None" = None,
) -> "Figure":
    """Observations against one feature, and the predictive mean with its interval, a panel a task.

    Numbers: the interval is that of a new observation whose other features are any of the task's own.
    Two classes: the probability of the second, with its interval. More classes, and `Categorical` ones: the
    probability of each, and a tick of its colour below for each observation. After a formula, whose columns
    hang together, predictions stand at the observations instead of on a line.

    Parameters
    ----------
    posterior
        Of any inference.
    data
        Observations to show: those of the fit, or others of the same tasks.
    tasks
        Names of the tasks. Default: six, from the one with the fewest observations to the one with most.
    feature
        Name of the feature on the horizontal axis; the first by default.
    level
        Probability of the interval.
    ax
        Axes to draw one task on; a new figure with a panel for each by default.

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    InputError
        For an unknown task or feature, and for axes of yours with other than one task.
    UnsupportedError
        For sequences, and for data without a feature.
    """
    require_data(data)
    columns = data.schema.columns
    if data.x.ndim != 2 or not columns:
        raise UnsupportedError(
            "plot_fit draws targets against one feature of plain rows; these data have none."
        )
    feature = columns[0] if feature is None else feature
    if feature not in columns:
        raise InputError(message("feature", f"one of {list(columns)}", repr(feature), "Choose one of them."))
    chosen = _chosen(data, tasks)
    column = columns.index(feature)
    points = grid(data.x[data.row[np.isin(data.task, chosen)], column])
    if ax is not None:
        if len(chosen) != 1:
            raise InputError(message("tasks", "one, for one axes", len(chosen), "Name it: tasks=['a']."))
        figure, axes = canvas(ax, 5.0, 3.8)
        axes.set_ylabel(_panel(axes, posterior, data, chosen[0], column, points, level))
        axes.set_xlabel(shown(feature))
        axes.legend(frameon=False, fontsize=8)
        return figure
    across = min(_ACROSS, len(chosen))
    down = -(-len(chosen) // across)
    figure = new_figure(3.2 * across + 0.8, 2.6 * down + 0.8) if across > 1 else new_figure(5.0, 3.8)
    alike = len(posterior.program.kinds) == 1 and _alike(data, chosen)
    panels = figure.subplots(down, across, sharex=True, sharey=alike, squeeze=False)
    for axes, task in zip(panels.flat, chosen, strict=False):
        label = _panel(axes, posterior, data, task, column, points, level)
        if axes.get_subplotspec().is_first_col() or not alike:
            axes.set_ylabel(label)
    for axes in panels.flat[len(chosen) :]:
        axes.set_visible(False)
    for axes in panels.flat[max(0, len(chosen) - across) : len(chosen)]:
        axes.tick_params("x", labelbottom=True)  # also above a place that stays empty
        axes.set_xlabel(shown(feature))
    legend = [axes.get_legend_handles_labels() for axes in panels.flat]
    handles = {text: handle for found in legend for handle, text in zip(*found, strict=True)}
    figure.legend(
        handles.values(),
        handles.keys(),
        loc="outside upper center",
        ncols=4 if across > 1 else 2,
        frameon=False,
        fontsize=8,
    )
    return figure


def _chosen(data: TaskData, tasks: Sequence[str] | None) -> list[int]:
    """Positions of the tasks to show."""
    if tasks is not None:
        found = [int(t) for t in dict.fromkeys(data.schema.encode_tasks(list(tasks)).tolist())]
        if not found:
            raise InputError(message("tasks", "at least one name", "none", "Name one or more."))
        return found
    by_count = np.argsort(data.counts, kind="stable")
    by_count = by_count[data.counts[by_count] > 0]
    at = np.unique(np.linspace(0, len(by_count) - 1, min(_PANELS, len(by_count))).round().astype(int))
    return [int(t) for t in by_count[at]]


def _alike(data: TaskData, chosen: list[int]) -> bool:
    """Whether the targets of the tasks can be read on one axis; few targets do not tell how they spread."""
    spans = [float(np.ptp(data.y[data.task == task])) for task in chosen if data.counts[task] >= _SPREAD]
    return not spans or max(spans) <= _MOST_UNLIKE * min(spans)


def _panel(
    axes: "Axes",
    posterior: Posterior,
    data: TaskData,
    task: int,
    column: int,
    points: np.ndarray,
    level: float,
) -> str:
    """Draw one task; what the vertical axis shows."""
    mine, target = data.task == task, shown(data.schema.target)
    axes.set_title(f"{shown(data.schema.tasks[task])} (n = {mine.sum():,})", fontsize=9)
    axes.grid(alpha=0.2)
    if not mine.any():
        axes.text(0.5, 0.5, "no observations", ha="center", va="center", transform=axes.transAxes)
        return target
    own = data.subset(mine)
    where, found = own.x[own.row, column], curve(posterior, own, column, points, level)
    share = f"{100 * level:.4g} %"
    if found.probabilities is None:
        _interval(axes, found, f"{share} of new observations")
        axes.plot(where, own.y, ls="", marker="o", ms=3, color=GREY, alpha=0.7, label="observed")
        return target
    used = np.flatnonzero(found.probabilities.sum(0) > 0)
    axes.set_ylim(-0.1, 1.1)
    classes = data.schema.classes or tuple(str(k) for k in range(found.probabilities.shape[1]))
    if len(used) == 2 and np.isfinite(found.mean).all():  # a categorical target has no mean
        _interval(axes, found, f"{share} interval")
        axes.plot(where, own.y, ls="", marker="|", ms=8, color=GREY, label="observed")
        return f"probability of {target} = {shown(classes[1])}"
    style: dict[str, Any] = {"lw": 1.6} if found.joined else {"ls": "", "marker": "_", "ms": 6}
    for k, colour in zip(used, class_colours(len(used)), strict=True):
        axes.plot(found.at, found.probabilities[:, k], color=colour, label=shown(classes[k]), **style)
        ticks = where[own.y == k]
        axes.plot(ticks, np.full(len(ticks), -0.05), ls="", marker="|", ms=8, color=colour)
    return f"probability of {target}"


def _interval(axes: "Axes", found: Curve, text: str) -> None:
    """Mean and interval as a line with a band, or as points with bars."""
    if found.joined:
        axes.fill_between(found.at, found.lower, found.upper, color=BLUE, alpha=0.2, lw=0, label=text)
        axes.plot(found.at, found.mean, color=BLUE, lw=1.6, label="predicted")
    else:
        axes.vlines(found.at, found.lower, found.upper, color=BLUE, alpha=0.3, lw=1.2, label=text)
        axes.plot(found.at, found.mean, ls="", marker="_", ms=6, color=BLUE, label="predicted")
