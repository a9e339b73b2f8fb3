"""Leave one observation out."""

from bayes_mtl.data import TaskData
from bayes_mtl.diagnostics._each_observation import EachObservation, each_observation
from bayes_mtl.diagnostics._fitted_data import require_fitted
from bayes_mtl.diagnostics._leave_one_out import LeaveOneOut
from bayes_mtl.posterior import Posterior


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
    Pareto-smoothed importance sampling (Vehtari, Gelman and Gabry, Statistics and Computing 2017).
    The draws are taken as draws of the posterior: where `check` says
    that they are far from it, this is the predictive density of what they are. Deterministic parameters of
    a network, and the standardisation, have seen the observation that is left out.
    """
    require_fitted(posterior, data)
    return of_observations(each_observation(posterior, data, simulate=False), posterior, data)


def of_observations(found: EachObservation, posterior: Posterior, data: TaskData) -> LeaveOneOut:
    """The part of an evaluation of all observations that is leave-one-out."""
    gap = found.inside - found.elpd
    tasks, number = data.schema.tasks, posterior.number
    return LeaveOneOut("observations", found.elpd, gap, found.k, data.task, tasks, data.index, number)
