"""Leave one observation out."""

from collections.abc import Iterator

import numpy as np

from bayes_mtl.data import TaskData
from bayes_mtl.diagnostics._fitted_data import require_fitted
from bayes_mtl.diagnostics._importance import joined, left_out
from bayes_mtl.diagnostics._leave_one_out import LeaveOneOut
from bayes_mtl.posterior import Posterior

_LARGEST = 1 << 22
"""Numbers of a chunk, draws times observations: 32 MiB each of a handful of arrays."""


def loo(posterior: Posterior, data: TaskData) -> LeaveOneOut:
    """How well each observation is predicted by a fit to all others, without fitting again.

    Parameters
    ----------
    posterior
        Of any inference, with several draws.
    data
        The data of the fit.

    Returns
    -------
    LeaveOneOut
        Over observations. The same as ArviZ's ``loo`` of ``posterior.to_arviz(data)`` where observations
        have no weights and the draws are one chain; of several chains ArviZ takes a slightly longer tail.

    Raises
    ------
    InputError
        Where the data are not those of the fit.

    Notes
    -----
    Pareto-smoothed importance sampling. The draws are taken as draws of the posterior: where `check` says
    that they are far from it, this is the predictive density of what they are. Deterministic parameters of
    a network, and the standardisation, have seen the observation that is left out.
    """
    require_fitted(posterior, data)
    elpd, inside, k = joined(
        left_out(posterior.log_likelihood(part), power=powers(part)) for part in parts(data, posterior.number)
    )
    return LeaveOneOut(
        "observations", elpd, inside - elpd, k, data.task, data.schema.tasks, data.index, posterior.number
    )


def parts(data: TaskData, draws: int) -> Iterator[TaskData]:
    """The observations in order, in parts whose log-likelihoods at all draws stay within a bounded memory."""
    size = max(1, _LARGEST // draws)
    for start in range(0, len(data), size):
        whole = size >= len(data)
        yield data if whole else data.subset(np.arange(start, min(start + size, len(data))))


def powers(data: TaskData) -> np.ndarray | float:
    """Weight with which each observation entered the fit."""
    return 1.0 if data.weight is None else data.weight
