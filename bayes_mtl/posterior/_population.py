"""What a task that was not fitted would have: the population that the tasks come from."""

from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor

from bayes_mtl._errors import UnsupportedError
from bayes_mtl._seed import seeded
from bayes_mtl.posterior._axes import coords
from bayes_mtl.posterior._new_tasks import known_draws, new_dims
from bayes_mtl.posterior._summary import statistics
from bayes_mtl.posterior._units import weights_in_units
from bayes_mtl.priors import AbstractGaussianTaskPrior, Moments, at_draws

if TYPE_CHECKING:
    import pandas as pd

    from bayes_mtl.posterior._posterior import Posterior

_NAME = "new"


def population(posterior: "Posterior", level: float, task_features: Any, seed: int) -> "pd.DataFrame":
    """See `Posterior.population`."""
    import pandas as pd

    program = posterior.program
    mean, covariance = _moments(posterior, task_features, seed)
    mean, linear = _in_units(posterior, mean)
    variance = torch.einsum("fgo,nogh,fho->nfo", linear, covariance, linear)
    values = torch.stack([mean, variance.clamp_min(0.0).sqrt()], -1)
    labels, levels, names = coords(posterior), [posterior.features], ["feature"]
    if program.outputs > 1:
        levels.append(tuple(labels["output"]))
        names.append("output")
    index = pd.MultiIndex.from_product([*levels, ("mean", "spread")], names=[*names, "of tasks"])
    return pd.DataFrame(statistics(values.flatten(1).numpy(), level), index=index)


def _in_units(posterior: "Posterior", mean: Tensor) -> tuple[Tensor, Tensor]:
    """Weights ``[draws, features, outputs]`` in the user's units, and how these follow from others.

    The second, ``[features, standardised features, outputs]``, is what weights of 1 make, one at a time, less
    what weights of 0 do.
    """
    size, (_, features, outputs) = len(mean), mean.shape
    ones = torch.eye(features, dtype=mean.dtype)[..., None].expand(-1, -1, outputs)
    weights = torch.cat([mean, ones, mean.new_zeros(1, features, outputs)]).unsqueeze(1)
    draws = {"weights": weights}
    if "fixed" in posterior.draws:
        fixed = posterior.draws["fixed"][:, :1]
        draws["fixed"] = torch.cat([fixed, fixed[:1].expand(features + 1, *fixed.shape[1:])])
    found = weights_in_units(posterior.program, draws, slice(1)).squeeze(1)
    return found[:size], (found[size:-1] - found[-1]).movedim(0, 1)


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
    known = known_draws(program, posterior.draws)
    with seeded(seed), torch.no_grad():
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
