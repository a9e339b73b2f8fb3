"""One weight of every task, with intervals."""

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from bayes_mtl._errors import InputError, message
from bayes_mtl.plots._canvas import canvas
from bayes_mtl.plots._labels import every, label_axis, legend_above, shown
from bayes_mtl.plots._palette import BLUE, GREY, RED
from bayes_mtl.posterior import Posterior

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_MOST_LABELS = 60


def plot_forest(
    posterior: Posterior,
    feature: str | None = None,
    tasks: Sequence[str] | None = None,
    level: float = 0.9,
    output: str | int | None = None,
    ax: "Axes | None" = None,
) -> "Figure":
    """Weight of one feature for every task: mean and interval, sorted by mean.

    Parameters
    ----------
    posterior
        Of any inference.
    feature
        Name of the feature. Default: the intercept, or the first feature where there is none.
    tasks
        Names of the tasks to show; all by default.
    level
        Probability of the intervals.
    output
        Where there are several outputs: which one (a class, or a number from 0). Default: the first.
    ax
        Axes to draw on; a new figure by default.

    Returns
    -------
    matplotlib.figure.Figure
        In the user's units. The band is the population's mean with its interval, where the prior has
        one and all tasks share their units.

    Raises
    ------
    InputError
        For an unknown feature, task or output.
    """
    feature = posterior.features[0] if feature is None else feature
    if feature not in posterior.features:
        raise InputError(
            message("feature", f"one of {list(posterior.features)}", repr(feature), "Choose one of them.")
        )
    table, name = _one_weight(posterior.weights(level), feature, output)
    if tasks is not None:
        known = posterior.program.schema.encode_tasks(list(tasks))
        table = table.loc[
            [posterior.tasks[t] for t in dict.fromkeys(known) if posterior.tasks[t] in table.index]
        ]
    if not len(table):
        raise InputError(message("tasks", "at least one with this output", "none", "Name one or more."))
    table = table.sort_values("mean")
    number = len(table)
    figure, axes = canvas(ax, 6.5, float(np.clip(1.3 + 0.22 * number, 2.2, 12.0)))
    place = np.arange(number)
    width = float(np.clip(90 / number, 0.7, 2.0))
    population = _population_mean(posterior, feature, name, level)
    if population is not None:
        axes.axvspan(population["lower"], population["upper"], color=RED, alpha=0.15, lw=0)
        axes.axvline(population["mean"], color=RED, lw=1.2, label="mean of the population")
    axes.hlines(place, table["lower"], table["upper"], color=BLUE, lw=width)
    size = 1.5 + 1.5 * width
    axes.plot(table["mean"], place, ls="", marker="o", ms=size, color=BLUE, label="task")
    low, high = axes.get_xlim()
    if low < 0 < high:
        axes.axvline(0.0, color=GREY, lw=0.8, ls=":")
    axes.set_ylim(-0.8, number - 0.2)
    step = label_axis(axes, "y", [str(task) for task in table.index], _MOST_LABELS)
    axes.set_ylabel(f"task{every(step)}")
    of_output = "" if name is None else f", output {shown(str(name))}"
    axes.set_xlabel(f"weight of {shown(feature)}{of_output}: mean and {100 * level:.4g} % interval")
    if population is not None:
        legend_above(axes, 2, dot=size)
    axes.grid(axis="x", alpha=0.2)
    return figure


def _one_weight(
    weights: "pd.DataFrame", feature: str, output: str | int | None
) -> "tuple[pd.DataFrame, str | None]":
    """Rows of one feature by task, and the name of the output (None where there is one output)."""
    if "output" not in weights.index.names:
        if output not in (None, 0):
            raise InputError(message("output", "none, there is a single one", repr(output), "Leave it out."))
        return _only(weights, "feature", feature), None
    names = list(dict.fromkeys(weights.index.get_level_values("output")))
    if isinstance(output, int) and 0 <= output < len(names):
        name = names[output]
    else:
        name = names[0] if output is None else output
    if name not in names:
        raise InputError(message("output", f"one of {names}", repr(output), "Choose one of them."))
    return _only(_only(weights, "feature", feature), "output", name), str(name)


def _only(weights: "pd.DataFrame", level: str, label: object) -> "pd.DataFrame":
    return weights[weights.index.get_level_values(level) == label].droplevel(level)


def _population_mean(
    posterior: Posterior, feature: str, output: str | None, level: float
) -> "pd.Series[float] | None":
    """Mean and interval of the prior's site ``mean`` in the user's units; None where there is none."""
    weights, mean, scaling = (
        posterior.draws["weights"],
        posterior.draws.get("mean"),
        posterior.program.scaling,
    )
    if mean is None or mean.shape != (len(weights), 1, *weights.shape[2:]):
        return None
    if scaling.by_task:
        return None
    # A posterior whose tasks all have the population's mean: units are undone as they are for tasks.
    everyone = replace(posterior, draws={**posterior.draws, "weights": mean.expand_as(weights)})
    return _one_weight(everyone.weights(level), feature, output)[0].iloc[0]
