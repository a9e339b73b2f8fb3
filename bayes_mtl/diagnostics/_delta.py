"""What learning tasks together gains over learning each alone."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from bayes_mtl._errors import InputError, message
from bayes_mtl.data._names import listed
from bayes_mtl.diagnostics._task_metrics import HIGHER_IS_BETTER, MAIN

if TYPE_CHECKING:
    import pandas as pd


def delta(
    together: "pd.DataFrame",
    single: "pd.DataFrame | Sequence[pd.DataFrame]",
    metric: str | Mapping[str, str] | None = None,
) -> "pd.DataFrame":
    """Relative change of each task's metric against a fit of the task alone; above 0 is better.

    Parameters
    ----------
    together
        What `metrics` says of the tasks fitted together.
    single
        The same of fits of single tasks on the same observations: one table, or one a fit.
    metric
        Name of a column for all tasks, or by task; by default ``auc`` for two classes, ``kappa`` for more,
        ``rmse`` for numbers.

    Returns
    -------
    pandas.DataFrame
        One row a task: ``metric``, its values ``single`` and ``together``, and ``change``, a share (0.02 is
        2 % better); the last row, ``mean``, is the mean change over tasks.

    Raises
    ------
    InputError
        For a task without a single fit, or a metric that is unknown or does not suit a task.

    Notes
    -----
    The sum of relative changes with the sign of the metric, over the number of tasks: Maninis, Radosavovic
    and Kokkinos, Attentive single-tasking of multiple tasks (CVPR 2019), equation 4.
    """
    import pandas as pd

    alone = single if isinstance(single, pd.DataFrame) else pd.concat(list(single))
    lacking = [name for name in together.index if (alone.index == name).sum() != 1]
    if lacking:
        found = f"none or several for {listed(lacking)}"
        raise InputError(message("single", "one row for each task", found, "Fit these tasks alone, once."))
    rows = {}
    for name in together.index:
        chosen = metric if isinstance(metric, str) else (metric or {}).get(name)
        column = chosen or MAIN[together.loc[name, "kind"]]
        if column not in HIGHER_IS_BETTER:
            known = ", ".join(HIGHER_IS_BETTER)
            raise InputError(message("metric", f"one of {known}", repr(column), "Choose one of them."))
        pair = float(alone.loc[name, column]), float(together.loc[name, column])
        if not np.isfinite(pair).all() or pair[0] == 0:
            expected = f"a metric that task {name!r} has, not 0 in the single fit"
            raise InputError(message("metric", expected, f"{column!r}: {pair}", "Choose another for it."))
        sign = 1 if HIGHER_IS_BETTER[column] else -1
        change = sign * (pair[1] - pair[0]) / abs(pair[0])
        rows[name] = {"metric": column, "single": pair[0], "together": pair[1], "change": change}
    table = pd.DataFrame.from_dict(rows, orient="index").rename_axis("task")
    table.loc["mean", "change"] = table["change"].mean()
    return table
