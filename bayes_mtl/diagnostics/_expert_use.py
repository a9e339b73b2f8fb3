"""Which experts each task uses."""

from typing import TYPE_CHECKING

from bayes_mtl.data import TaskData
from bayes_mtl.diagnostics._mixture_network import mean_by_task
from bayes_mtl.posterior import Posterior

if TYPE_CHECKING:
    import pandas as pd


def expert_use(posterior: Posterior, data: TaskData) -> "pd.DataFrame":
    """Mean gate of each task on each expert over the task's observations.

    Parameters
    ----------
    posterior
        Of a model whose network is a mixture of experts, such as `MMoE`.
    data
        Observations to look at, held out or not.

    Returns
    -------
    pandas.DataFrame
        Tasks by experts; rows sum to 1, closed experts are 0. NaN for tasks without an observation.

    Raises
    ------
    UnsupportedError
        For a network without experts and gates.
    """
    import pandas as pd

    use = mean_by_task(posterior, data).numpy()
    columns = pd.RangeIndex(use.shape[1], name="expert")
    return pd.DataFrame(use, pd.Index(posterior.tasks, name="task"), columns)
