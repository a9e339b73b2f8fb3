"""How many experts each task uses at once."""

from typing import TYPE_CHECKING

import numpy as np

from bayes_mtl.data import TaskData
from bayes_mtl.diagnostics._mixture_network import mean_by_task
from bayes_mtl.posterior import Posterior

if TYPE_CHECKING:
    import pandas as pd


def gate_entropy(posterior: Posterior, data: TaskData) -> "pd.DataFrame":
    """Entropy of the gates of each task.

    Parameters
    ----------
    posterior, data
        As in `expert_use`.

    Returns
    -------
    pandas.DataFrame
        One row a task. ``entropy``: mean over observations of ``-sum g log g``, nats; ``experts``: its
        exponential, the number of equally used experts that have it; ``use_entropy`` and ``use_experts``: the
        same of the mean gate. Where the first are small and the second large, the gate chooses by the inputs.

    Raises
    ------
    UnsupportedError
        For a network without experts and gates.
    """
    import pandas as pd

    each = mean_by_task(posterior, data, entropy=True)[:, 0].numpy()
    use = mean_by_task(posterior, data).numpy()
    logs = np.log(use, out=np.zeros_like(use), where=use > 0)
    mean = -(use * logs).sum(1)
    table = {"entropy": each, "experts": np.exp(each), "use_entropy": mean, "use_experts": np.exp(mean)}
    return pd.DataFrame(table, pd.Index(posterior.tasks, name="task"))
