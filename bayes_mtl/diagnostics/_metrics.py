"""How good predictions of every task are."""

from typing import TYPE_CHECKING, Literal

import numpy as np

from bayes_mtl._errors import InputError, message
from bayes_mtl.data import TaskData
from bayes_mtl.diagnostics._task_metrics import HIGHER_IS_BETTER, classes, numbers, two_classes
from bayes_mtl.posterior import Posterior, Prediction

if TYPE_CHECKING:
    import pandas as pd


def metrics(
    posterior: Posterior, data: TaskData, *, by: Literal["task", "group"] = "task", seed: int = 0
) -> "pd.DataFrame":
    """Metrics of held-out observations: those that suit each task's targets.

    Parameters
    ----------
    posterior
        Of any model.
    data
        Observations that the fit has not seen; only observed targets count.
    by
        ``"group"``: tasks of a group (the labels of one target) become one row, the mean over them.
    seed
        Of the predictive draws, which `coverage` needs.

    Returns
    -------
    pandas.DataFrame
        One row a task with ``kind`` of its targets, ``observations``, and NaN in what does not suit them:

        - all: ``log_score``, the mean log predictive density (nats, user's units);
        - two classes: ``auc``, ``average_precision``, ``min_se_ppv`` (the largest minimum of sensitivity and
          precision over thresholds), ``accuracy``, ``brier``, ``calibration_error`` (ten bins);
        - more classes: ``accuracy``, ``kappa`` (linear weights, for classes with an order), ``brier``,
          ``calibration_error`` (of the most probable class);
        - numbers: ``rmse``, ``r2``, ``coverage`` of 90 % intervals; censored observations are left out.

    Raises
    ------
    InputError
        For tasks that were not fitted, or an unknown ``by``.
    """
    import pandas as pd

    if by not in ("task", "group"):
        raise InputError(message("by", "'task' or 'group'", repr(by), "Choose one."))
    predicted = posterior.predict(data, level=0.9, seed=seed)
    density = posterior.score(data).by_task["mean"]
    rows = {}
    for t, name in enumerate(data.schema.tasks):
        own = data.task == t
        if own.any():
            kind, found = _of_task(predicted, data, own)
            rows[name] = {"kind": kind, "observations": int(own.sum()), "log_score": density[name], **found}
    order = ["kind", "observations", *HIGHER_IS_BETTER, "coverage"]
    table = pd.DataFrame.from_dict(rows, orient="index").reindex(columns=order).rename_axis("task")
    if by == "task" or not data.schema.task_groups:
        return table
    groups = dict(zip(data.schema.tasks, data.schema.task_groups, strict=True))
    whole = [groups[name] or name for name in table.index]
    how = {column: "mean" for column in order} | {"kind": "first", "observations": "sum"}
    return table.groupby(whole, sort=False).agg(how).rename_axis("task")


def _of_task(predicted: Prediction, data: TaskData, own: np.ndarray) -> tuple[str, dict[str, float]]:
    """Kind of a task's targets, and the metrics of its observations."""
    y = data.y[own]
    if predicted.probabilities is not None and not np.isnan(predicted.probabilities[own]).any():
        chances = predicted.probabilities[own]
        # Of tasks with fewer classes than others the last ones are impossible.
        chances = chances[:, : max(2, int(np.flatnonzero(chances.any(0)).max()) + 1)]
        if chances.shape[1] == 2:
            return "two classes", two_classes(y, chances[:, 1])
        return "classes", classes(y, chances)
    if data.censored is not None:
        own = own & ~data.censored
        if not own.any():
            return "numbers", {}
    return "numbers", numbers(data.y[own], predicted.mean[own], predicted.lower[own], predicted.upper[own])
