"""Which task belongs to which cluster, and how sure that is."""

from typing import TYPE_CHECKING

import numpy as np

from bayes_mtl._errors import InputError, UnsupportedError, message
from bayes_mtl.priors import AbstractTaskPrior
from bayes_mtl.priors._align import matching

if TYPE_CHECKING:
    import pandas as pd

    from bayes_mtl.posterior._posterior import Posterior

_SITE = "assignment"


def clusters(posterior: "Posterior", kind: str | None = None) -> "pd.DataFrame":
    """Probability of each cluster for each task.

    Clusters carry the same labels in all draws, the largest first, so that averages over draws mean
    something: `TaskClustering` sees to it after the fit; draws of other priors are relabelled here.

    Parameters
    ----------
    posterior
        Of `TaskClustering` or another prior with a site ``assignment``, ``[draws, tasks, clusters]``.
    kind
        Where tasks are of several kinds (`Mixed` likelihoods): which kind. Default: the first.

    Returns
    -------
    pandas.DataFrame
        One row a task: ``cluster``, the most probable, its ``probability``, and the probability of each,
        ``cluster 0``, ``cluster 1`` and so on.

    Raises
    ------
    UnsupportedError
        Where the prior has no clusters.
    InputError
        For an unknown kind.

    References
    ----------
    Stephens, Dealing with label switching in mixture models (JRSS B 2000).
    """
    import pandas as pd

    names, probability = assignment(posterior, kind)
    best = {"cluster": probability.argmax(1), "probability": probability.max(1)}
    each = {f"cluster {k}": probability[:, k] for k in range(probability.shape[1])}
    return pd.DataFrame({**best, **each}, index=pd.Index(names, name="task", dtype=object))


def assignment(posterior: "Posterior", kind: str | None) -> tuple[list[str], np.ndarray]:
    """Names of the tasks and their probabilities ``[tasks, clusters]``."""
    prior, kinds = posterior.program.prior, posterior.program.kinds
    sites = {name: f"{name}/{_SITE}" if name else _SITE for name, _ in kinds}
    found = {name: tasks for name, tasks in kinds if sites[name] in posterior.draws}
    if not found:
        raise UnsupportedError(
            f"{type(prior).__name__} does not assign tasks to clusters. Fit TaskClustering, or use "
            "plot_relatedness to see which tasks are alike."
        )
    if kind is None:
        kind = next(iter(found))
    if kind not in found:
        raise InputError(message("kind", f"one of {list(found)}", repr(kind), "Choose one of them."))
    draws = posterior.draws[sites[kind]].double()
    if type(prior).align is AbstractTaskPrior.align:
        draws = draws.take_along_dim(matching(draws).unsqueeze(1), -1)
    return [posterior.tasks[t] for t in found[kind]], draws.mean(0).numpy()
