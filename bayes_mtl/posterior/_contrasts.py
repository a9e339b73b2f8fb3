"""Comparing tasks with each other."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from bayes_mtl._errors import InputError, message
from bayes_mtl.likelihoods import Mixed
from bayes_mtl.posterior._tails import tails
from bayes_mtl.posterior._units import weights_in_units

if TYPE_CHECKING:
    import pandas as pd

    from bayes_mtl.posterior._posterior import Posterior


def _of_one_kind(posterior: "Posterior", tasks: Sequence[str]) -> np.ndarray:
    """Positions of tasks whose weights are on one scale: log odds and metres cannot be compared."""
    found, likelihood = posterior.program.schema.encode_tasks(list(tasks)), posterior.program.likelihood
    if isinstance(likelihood, Mixed):
        kinds = {type(kind.likelihood).__name__ for kind in likelihood.kinds if {*kind.tasks} & {*found}}
        if len(kinds) > 1:
            expected = "tasks of one kind, whose weights are on one scale"
            raise InputError(
                message("tasks", expected, " and ".join(sorted(kinds)), "Name those of one likelihood only.")
            )
    return found


def contrast(posterior: "Posterior", first: str, second: str, level: float) -> "pd.DataFrame":
    """See `Posterior.contrast`."""
    import pandas as pd

    a, b = _of_one_kind(posterior, [first, second])
    weights = weights_in_units(posterior.program, posterior.draws)
    difference = (weights[:, a] - weights[:, b]).double().numpy()
    lower, upper = np.quantile(difference, tails(level), axis=0)
    features, outputs = difference.shape[1:]
    columns = {
        "feature": np.repeat(posterior.features, outputs),
        "mean": difference.mean(0).ravel(),
        "sd": difference.std(0).ravel(),
        "lower": lower.ravel(),
        "upper": upper.ravel(),
        "P(>0)": ((difference > 0) + 0.5 * (difference == 0)).mean(0).ravel(),
    }
    if outputs > 1:
        columns["output"] = np.tile(np.arange(outputs), features)
    return pd.DataFrame(columns).set_index("feature")


def ranking(
    posterior: "Posterior", feature: str, level: float, output: int, tasks: Sequence[str] | None
) -> "pd.DataFrame":
    """See `Posterior.ranking`."""
    import pandas as pd
    from scipy.stats import rankdata

    if feature not in posterior.features:
        raise InputError(message("feature", f"one of {posterior.features}", repr(feature), "Choose one."))
    outputs = posterior.program.outputs
    if not 0 <= output < outputs:
        raise InputError(message("output", f"between 0 and {outputs - 1}", output, "Choose one."))
    names = posterior.tasks if tasks is None else tuple(tasks)
    weights = weights_in_units(posterior.program, posterior.draws)[:, _of_one_kind(posterior, names)]
    values = weights[..., posterior.features.index(feature), output].double().numpy()
    ranks = rankdata(-values, axis=1)
    lower, upper = np.quantile(ranks, tails(level), axis=0)
    frame = pd.DataFrame(
        {
            "mean": values.mean(0),
            "rank": ranks.mean(0),
            "rank_lower": lower,
            "rank_upper": upper,
            "P(first)": _shared(values == values.max(1, keepdims=True)),
            "P(last)": _shared(values == values.min(1, keepdims=True)),
        },
        index=pd.Index(names, name="task"),
    )
    return frame.sort_values("rank")


def _shared(at_the_end: np.ndarray) -> np.ndarray:
    """Probability ``[tasks]`` of a place at one end, which tied tasks share; ``[draws, tasks]`` bool."""
    share: np.ndarray = (at_the_end / at_the_end.sum(1, keepdims=True)).mean(0)
    return share
