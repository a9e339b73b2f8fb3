"""What a task that was not fitted would have: the population that the tasks come from."""

from typing import TYPE_CHECKING, Any

import numpy as np
import pyro
import torch
from torch import Tensor

from bayes_mtl._errors import UnsupportedError
from bayes_mtl._seed import seeded
from bayes_mtl.posterior._axes import coords
from bayes_mtl.posterior._new_tasks import new_dims, shared_draws
from bayes_mtl.posterior._tails import tails
from bayes_mtl.posterior._units import linear_part, weights_in_units
from bayes_mtl.priors import AbstractGaussianTaskPrior, Moments, at_draws

if TYPE_CHECKING:
    import pandas as pd

    from bayes_mtl.posterior._posterior import Posterior

_NAME = "new"


def population(posterior: "Posterior", level: float, task_features: Any, seed: int) -> "pd.DataFrame":
    """See `Posterior.population`."""
    import pandas as pd

    mean, covariance = _moments(posterior, task_features, seed)
    program = posterior.program
    draws = {name: value for name, value in posterior.draws.items() if name == "fixed"}
    if "fixed" in draws:
        draws["fixed"] = draws["fixed"][:, :1]
    mean = weights_in_units(program, {**draws, "weights": mean.unsqueeze(1)}, slice(1)).squeeze(1)
    linear = linear_part(program).double()
    variance = torch.einsum("ofg,nogh,ofh->nfo", linear, covariance, linear)
    values = torch.stack([mean, variance.clamp_min(0.0).sqrt()], -1).numpy()
    values = values.reshape(len(values), -1)
    labels, levels, names = coords(posterior), [posterior.features], ["feature"]
    if program.outputs > 1:
        levels.append(tuple(labels["output"]))
        names.append("output")
    index = pd.MultiIndex.from_product([*levels, ("mean", "spread")], names=[*names, "of tasks"])
    lower, upper = np.quantile(values, tails(level), axis=0)
    columns = {"mean": values.mean(0), "sd": values.std(0), "lower": lower, "upper": upper}
    return pd.DataFrame(columns, index=index)


def _moments(posterior: "Posterior", task_features: Any, seed: int) -> tuple[Tensor, Tensor]:
    """Of a new task's weights at each draw, standardised.

    Returns
    -------
    Tensor
        ``[draws, features, outputs]``: mean.
    Tensor
        ``[draws, outputs, features, features]``: covariance of each output.
    """
    program, prior = posterior.program, posterior.program.prior
    if not isinstance(prior, AbstractGaussianTaskPrior):
        raise UnsupportedError(
            f"{type(prior).__name__} gives no mean and spread of the tasks in closed form. Use "
            "predict(rows, new_task=True) for what it says of new tasks, weights() for the fitted ones."
        )
    if task_features is None and program.schema.task_features:
        task_features = np.asarray(program.scaling.task_mean)[None]  # of a task as they are on average
    dims = new_dims(program, (_NAME,), task_features)
    known = shared_draws(program, posterior.draws)
    known |= {
        f"fitted_{name}": value.unsqueeze(1) for name, value in posterior.draws.items() if name not in known
    }
    with seeded(seed), torch.no_grad(), pyro.validation_enabled(False):
        moments: Moments = at_draws(lambda: prior.new_moments(dims), known)
    mean, root = moments.mean.double(), moments.root().double()
    logits = moments.logits
    if logits is None:
        chance, mean, root = mean.new_ones(1), mean.unsqueeze(-3), root.unsqueeze(-4)
    else:
        chance = logits.double().softmax(-1)
    lead = (posterior.number, 1, len(chance) if chance.dim() == 1 else chance.shape[-1])
    mean = mean.expand(*lead, *mean.shape[-2:]).squeeze(1)
    root = root.expand(*lead, *root.shape[-3:]).squeeze(1)
    chance = chance.expand(lead).squeeze(1)
    center = torch.einsum("nk,nkfo->nfo", chance, mean)
    away = mean - center.unsqueeze(1)
    within = torch.einsum("nk,nkofc,nkogc->nofg", chance, root, root)
    return center, within + torch.einsum("nk,nkfo,nkgo->nofg", chance, away, away)
