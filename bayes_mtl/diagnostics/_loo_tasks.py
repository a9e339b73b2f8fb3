"""Leave one task out."""

import numpy as np

from bayes_mtl._errors import UnsupportedError
from bayes_mtl._psis import psis
from bayes_mtl.data import TaskData
from bayes_mtl.diagnostics._fitted_data import require_fitted
from bayes_mtl.diagnostics._importance import left_out
from bayes_mtl.diagnostics._latents import adapted, at_one_point
from bayes_mtl.diagnostics._leave_one_out import USABLE, LeaveOneOut
from bayes_mtl.diagnostics._task_evidence import approximate_evidence, exact_evidence, why_not_left_out
from bayes_mtl.inference._collapsed_program import why_not_collapsed
from bayes_mtl.posterior import Posterior


def loo_tasks(posterior: Posterior, data: TaskData, *, seed: int = 0) -> LeaveOneOut:
    """How well all rows of a task are predicted by a fit to the other tasks, without fitting again.

    That is what a prior over tasks is for: it tells how well the model would do on a new task.

    Parameters
    ----------
    posterior
        Of any inference that draws hyperparameters.
    data
        The data of the fit.
    seed
        Of the integration over weights; a Gaussian likelihood needs none.

    Returns
    -------
    LeaveOneOut
        Over tasks; `elpd` is the log-density of all of a task's rows together.

    Raises
    ------
    InputError
        Where the data are not those of the fit.
    UnsupportedError
        Where a task cannot be taken out of what was learned: a network that was trained on it, a prior that
        is not Gaussian given its hyperparameters, hyperparameters at a point.

    Notes
    -----
    The task's weights are integrated out, in closed form for a Gaussian likelihood, else by importance
    sampling from a Gaussian around their mode; what is left are the hyperparameters, few enough for
    Pareto-smoothed importance sampling. Draws of an approximation of their posterior are first weighted by
    the posterior itself, where that is close (k-hat at most 0.7). The standardisation has seen the task.

    References
    ----------
    Vehtari et al., Pareto smoothed importance sampling (JMLR 2024); Merkle, Furr and Rabe-Hesketh, Bayesian
    comparison of latent variable models (Psychometrika 2019): why a task's own weights are integrated out.
    """
    require_fitted(posterior, data)
    reason = why_not_left_out(posterior)
    if reason is not None:
        raise UnsupportedError(
            f"No task can be left out without fitting again: {reason}. Use loo(posterior, data), or fit "
            "without the task and score it: posterior.score(rows, new_task=True).together."
        )
    point = at_one_point(posterior)
    if point and not adapted(posterior):
        raise UnsupportedError(
            f"All draws share one value of {', '.join(point)}, which the task that is left out has helped to "
            "find. Use Collapsed(hyperparameters=NUTS()) or SVI(), which draw them."
        )
    exact = why_not_collapsed(posterior.program) is None
    log = exact_evidence(posterior, data) if exact else approximate_evidence(posterior, data, seed)
    elpd, inside, k = left_out(log, _close_weights(posterior))
    number = np.arange(len(posterior.tasks))
    names = np.asarray(posterior.tasks, dtype=object)
    return LeaveOneOut("tasks", elpd, inside - elpd, k, number, posterior.tasks, names, posterior.number)


def _close_weights(posterior: Posterior) -> np.ndarray | None:
    """Log weights of the draws where they make a close approximation exact."""
    weights = posterior.record.log_weights
    if weights is None or adapted(posterior) or len(weights) != posterior.number:
        return None
    smoothed, k = psis(weights)
    return smoothed if k <= USABLE else None
