"""Which tasks use the same experts."""

from typing import TYPE_CHECKING

import numpy as np

from bayes_mtl.data import TaskData
from bayes_mtl.diagnostics._expert_use import expert_use
from bayes_mtl.posterior import Posterior

if TYPE_CHECKING:
    import pandas as pd


def task_similarity(posterior: Posterior, data: TaskData) -> "pd.DataFrame":
    """Correlation over experts of the tasks' mean gates (`expert_use`).

    Parameters
    ----------
    posterior, data
        As in `expert_use`.

    Returns
    -------
    pandas.DataFrame
        Tasks by tasks, from -1 to 1; NaN for a task that uses all experts alike.

    Raises
    ------
    UnsupportedError
        For a network without experts and gates.

    References
    ----------
    Yan et al., Task multi-clustering (2019): correlation of the tasks' rows of inclusion probabilities.
    """
    import pandas as pd

    use = expert_use(posterior, data)
    left = use.to_numpy() - use.to_numpy().mean(1, keepdims=True)
    norm = np.sqrt(np.square(left).sum(1))
    size = np.outer(norm, norm)
    similar = np.divide(left @ left.T, size, out=np.full_like(size, np.nan), where=size > 1e-12)
    return pd.DataFrame(similar, use.index, pd.Index(posterior.tasks, name="other"))
