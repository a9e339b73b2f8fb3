"""Which groups of features matter."""

from typing import TYPE_CHECKING

import numpy as np

from bayes_mtl._errors import InputError, UnsupportedError, message
from bayes_mtl.posterior import Posterior
from bayes_mtl.posterior._group_names import group_names
from bayes_mtl.priors._feature_groups import group_rms

if TYPE_CHECKING:
    import pandas as pd


def inclusion(posterior: Posterior, level: float = 0.95, negligible: float = 0.05) -> "pd.DataFrame":
    """How large the weights of each group of features are over all tasks, and whether the group is needed.

    It works for any prior, as the groups are those of the data (each feature where they name none); a sparse
    one such as `GroupSparse` or `Horseshoe` lets weights become small enough for a call.

    Parameters
    ----------
    posterior
        Of a model without several kinds of targets.
    level
        Probability of the intervals.
    negligible
        Root mean square weight up to which a group does not matter, in standard deviations of the target for
        one standard deviation of a feature (on the data's own scale with ``standardize=False``).

    Returns
    -------
    DataFrame
        One row for each group, the largest first: ``mean``, ``lower``, ``upper`` of the root mean square
        weight, ``probability`` that it exceeds ``negligible``, and ``call``: ``"alive"`` or ``"dead"``
        where the whole interval lies above or below ``negligible``, else ``"unsure"``.

    Raises
    ------
    InputError
        For a level that is no probability.
    UnsupportedError
        For tasks of different kinds, whose weights cannot be averaged.
    """
    import pandas as pd

    if not 0 < level < 1:
        raise InputError(message("level", "a number between 0 and 1", level, "Try 0.95."))
    program = posterior.program
    if len(program.kinds) > 1:
        raise UnsupportedError(
            "Tasks of different kinds have weights of different meanings: no size over all of them. "
            "Fit each kind alone."
        )
    sizes = group_rms(posterior.draws["weights"].double(), program.dims()).squeeze(1).numpy()
    lower, upper = np.quantile(sizes, [(1 - level) / 2, (1 + level) / 2], axis=0)
    frame = pd.DataFrame(
        {
            "mean": sizes.mean(0),
            "lower": lower,
            "upper": upper,
            "probability": (sizes > negligible).mean(0),
            "call": np.select([lower > negligible, upper < negligible], ["alive", "dead"], "unsure"),
        },
        index=pd.Index(group_names(program), name="group"),
    )
    return frame.sort_values("mean", ascending=False)
