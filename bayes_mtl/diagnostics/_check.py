"""All checks of a posterior."""

import time

from bayes_mtl.data import TaskData
from bayes_mtl.diagnostics._chains import check_chains
from bayes_mtl.diagnostics._check_experts import check_experts
from bayes_mtl.diagnostics._check_gradient import check_gradient
from bayes_mtl.diagnostics._check_hyperparameters import check_hyperparameters
from bayes_mtl.diagnostics._check_left_out import check_left_out
from bayes_mtl.diagnostics._check_network import check_network
from bayes_mtl.diagnostics._check_priors import check_priors
from bayes_mtl.diagnostics._check_sparsity import check_sparsity
from bayes_mtl.diagnostics._check_units import check_units
from bayes_mtl.diagnostics._elbo import check_elbo
from bayes_mtl.diagnostics._finite import check_finite
from bayes_mtl.diagnostics._fitted_data import require_fitted, require_posterior
from bayes_mtl.diagnostics._point import check_point
from bayes_mtl.diagnostics._psis import check_psis
from bayes_mtl.diagnostics._report import Report
from bayes_mtl.posterior import Posterior

_LAYERS = (
    check_finite,
    check_elbo,
    check_gradient,
    check_psis,
    check_chains,
    check_point,
    check_priors,
    check_sparsity,
)


def check(posterior: Posterior, data: TaskData | None = None) -> Report:
    """Look for what may be wrong with a fit.

    Parameters
    ----------
    posterior
        Of any inference, freshly fitted or loaded from a file.
    data
        The data of the fit. With them the check also looks at observations and tasks that pull the fit
        towards themselves (`loo`, `loo_tasks`), and at the calibration of what is left out.

    Returns
    -------
    Report
        Findings worst first, each with what to try; print it.

    Raises
    ------
    InputError
        Where the data are not those of the fit.

    Notes
    -----
    Looks at the end of the training (why it stopped, whether the loss still fell, signal and noise of the
    gradient), at how well a guide or a Gaussian approximation covers the posterior (k-hat of Pareto-smoothed
    importance weights), at chains (R-hat, effective sample size, divergences, exchanged labels), at
    hyperparameters without uncertainty, at those that the prior decided or the data contradict, and at groups
    of features, directions, clusters and experts that nothing uses. With the data also at targets simulated
    from the fit beside those that were observed; at tasks that seem to be measured in another unit; and,
    where the weights can be integrated out and there are up to 20 hyperparameters, at whether the intervals
    of these hold what they claim: k-hat does not see what lies where the approximation never draws.
    What is left out of a fit with a network was seen by the network, which is noted.

    Observations are judged by a part of the draws, at least 200, where draws times observations exceed half
    a million; those that stand out are judged by all draws. Tasks are judged by about 250 draws. The elpd
    that the report prints is approximate then, and says so. `loo`, `loo_tasks` and `calibration` take all
    draws.
    """
    began = time.perf_counter()
    require_posterior(posterior)
    if data is not None:
        require_fitted(posterior, data)
    outcomes = [outcome for layer in _LAYERS if (outcome := layer(posterior)) is not None]
    if data is not None:
        outcomes += check_left_out(posterior, data)
        seen = check_network(posterior)
        outcomes += [] if seen is None else [seen]
        spread = check_hyperparameters(posterior, data)
        units = check_units(posterior, data)
        outcomes += [found for found in (spread, units) if found is not None]
    experts = check_experts(posterior, data)
    outcomes += [] if experts is None else [experts]
    record = posterior.record
    seconds = time.perf_counter() - began
    share = f", {seconds / record.seconds:.0%} of the fit's time" if record.seconds > 0 else ""
    return Report(
        f"a posterior of {len(posterior.tasks):,} tasks and {record.observations:,} observations, "
        f"fitted by {record.method}",
        tuple(finding for outcome in outcomes for finding in outcome.findings),
        tuple(outcome.looked_at for outcome in outcomes),
        f"in {seconds:.2f} s{share}",
    )
