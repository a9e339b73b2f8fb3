"""Whether the prior of the hyperparameters, or the data, said what came out."""

from typing import TYPE_CHECKING

import numpy as np
import pyro
import torch
from pyro import poutine

from bayes_mtl._errors import InputError, UnsupportedError, message
from bayes_mtl._seed import seeded
from bayes_mtl.data import TaskData
from bayes_mtl.diagnostics._fitted_data import require_fitted
from bayes_mtl.diagnostics._latents import at_one_point, of_weights
from bayes_mtl.diagnostics._power_scaling import power_scaling
from bayes_mtl.diagnostics._test_quantities import named_entries
from bayes_mtl.inference._local import local_parameters
from bayes_mtl.inference._only_svi import require_fixed_joint
from bayes_mtl.posterior import Posterior
from bayes_mtl.posterior._evaluate import total_log_likelihood

if TYPE_CHECKING:
    import pandas as pd

SENSITIVE = 0.05
"""What moves more than that, per doubling of a part's power, is sensitive to the part (Kallioinen et al.)."""


def prior_sensitivity(posterior: Posterior, data: TaskData, *, seed: int = 0) -> "pd.DataFrame":
    """How much each quantity depends on the priors of the hyperparameters, and how much on the data.

    The priors of hyperparameters and of the likelihood's parameters are made a little stronger and weaker,
    all together, and so is the likelihood; draws are weighted accordingly (nothing is fitted again).

    Parameters
    ----------
    posterior
        With several draws of its hyperparameters.
    data
        The data of the fit.
    seed
        Of sites of the prior that the posterior does not keep; they do not matter to the result.

    Returns
    -------
    pandas.DataFrame
        One row a quantity (up to eight entries of a site): ``prior`` and ``likelihood``, the distance its
        distribution moves per doubling of either's power; ``diagnosis``: ``"strong prior"`` where the prior
        moves it and the data hardly do, ``"prior and data disagree"`` where both do, else ``"none"``. Above
        0.05 is called sensitive. NaN where importance weights cannot tell.

    Raises
    ------
    InputError
        For data that are not those of the fit, and for a single draw.
    UnsupportedError
        For a prior that is no fixed joint distribution, hyperparameters at a point, and models whose prior is
        not at hand.

    References
    ----------
    Kallioinen, Paananen, Bürkner and Vehtari (Statistics and Computing 2024): only the top of a hierarchy is
    scaled, since the tasks' weights are a part of the model, not a belief.
    """
    import pandas as pd

    require_fitted(posterior, data)
    require_fixed_joint(posterior.program.prior, posterior.program.network, "Prior sensitivity")
    if posterior.number < 2:
        raise InputError(message("posterior", "several draws", "a single one", "Fit it by SVI or NUTS."))
    point = at_one_point(posterior)
    if point:
        raise UnsupportedError(
            f"All draws share one value of {', '.join(point)}. "
            "Use Collapsed(hyperparameters=NUTS()) or SVI()."
        )
    log_prior, log_likelihood = _densities(posterior, data, seed)
    entries = {name: values for name, values in named_entries(posterior).items() if np.ptp(values) > 0}
    draws = np.column_stack(list(entries.values()))
    prior, likelihood = power_scaling(draws, log_prior), power_scaling(draws, log_likelihood)
    moved = prior >= SENSITIVE
    diagnosis = np.select(
        [moved & (likelihood < SENSITIVE), moved & (likelihood >= SENSITIVE)],
        ["strong prior", "prior and data disagree"],
        "none",
    )
    table = pd.DataFrame(
        {"prior": prior, "likelihood": likelihood, "diagnosis": diagnosis},
        index=pd.Index(list(entries), name="quantity"),
    )
    return table.sort_values("prior", ascending=False, kind="stable")


def _densities(posterior: Posterior, data: TaskData, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """``[draws]`` each: log-density of the hyperparameters under their priors, and of all targets."""
    program = posterior.program
    batch = program.batch(data)
    draws = dict(posterior.draws)
    with (
        seeded(seed),
        local_parameters(),
        torch.no_grad(),
        poutine.block(),
        pyro.plate("draws", posterior.number, dim=-2),
        poutine.condition(data=draws),
    ):
        trace = poutine.trace(program.latents).get_trace(batch)
    trace.compute_log_prob()
    total = torch.zeros(posterior.number, dtype=torch.float64)
    for name, site in trace.nodes.items():
        if site["type"] == "sample" and name in draws and not of_weights(name):
            total += site["log_prob"].expand(posterior.number, -1).double().sum(-1)
    return total.numpy(), total_log_likelihood(program, draws, batch).double().numpy()
