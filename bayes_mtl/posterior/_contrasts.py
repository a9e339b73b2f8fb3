"""Comparing tasks with each other."""

from typing import TYPE_CHECKING

import numpy as np

from bayes_mtl._errors import InputError, message
from bayes_mtl.posterior._tails import tails
from bayes_mtl.posterior._units import weights_in_units

if TYPE_CHECKING:
    import pandas as pd

    from bayes_mtl.posterior._posterior import Posterior


def contrast(posterior: "Posterior", first: str, second: str, level: float) -> "pd.DataFrame":
    """See `Posterior.contrast`."""
    import pandas as pd

    a, b = posterior.program.schema.encode_tasks([first, second])
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
        "P(>0)": (difference > 0).mean(0).ravel(),
    }
    if outputs > 1:
        columns["output"] = np.tile(np.arange(outputs), features)
    return pd.DataFrame(columns).set_index("feature")


def ranking(posterior: "Posterior", feature: str, level: float, output: int) -> "pd.DataFrame":
    """See `Posterior.ranking`."""
    import pandas as pd

    if feature not in posterior.features:
        raise InputError(message("feature", f"one of {posterior.features}", repr(feature), "Choose one."))
    outputs = posterior.program.outputs
    if not 0 <= output < outputs:
        raise InputError(message("output", f"between 0 and {outputs - 1}", output, "Choose one."))
    weights = weights_in_units(posterior.program, posterior.draws)[..., posterior.features.index(feature), :]
    values = weights[..., output].double().numpy()
    ranks = (-values).argsort(1).argsort(1) + 1
    lower, upper = np.quantile(ranks, tails(level), axis=0)
    frame = pd.DataFrame(
        {
            "mean": values.mean(0),
            "rank": ranks.mean(0),
            "rank_lower": lower,
            "rank_upper": upper,
            "P(first)": (ranks == 1).mean(0),
            "P(last)": (ranks == ranks.shape[1]).mean(0),
        },
        index=pd.Index(posterior.tasks, name="task"),
    )
    return frame.sort_values("rank")
