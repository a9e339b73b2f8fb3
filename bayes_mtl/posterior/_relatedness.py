"""How alike tasks are."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np
import torch

from bayes_mtl._errors import InputError, message
from bayes_mtl.posterior._kinds import kinds
from bayes_mtl.posterior._tails import tails
from bayes_mtl.priors._mutual_shares import mutual_shares

if TYPE_CHECKING:
    import pandas as pd

    from bayes_mtl.posterior._posterior import Posterior

_LARGEST = 1 << 27
FEATURES = "beta"
"""Site of the shares that tasks have in each other's prior of the features."""
Of = Literal["weights", "features"]
Tasks = Sequence[str] | None


@dataclass(frozen=True, eq=False)
class Relatedness:
    """Relatedness of tasks: posterior mean and central interval of each pair.

    Attributes
    ----------
    mean, lower, upper
        Frames ``tasks x tasks``. Tasks of different kinds are not related by the prior: missing values.
    level
        Probability of the intervals.
    """

    mean: "pd.DataFrame"
    lower: "pd.DataFrame"
    upper: "pd.DataFrame"
    level: float


def relatedness(
    posterior: "Posterior", tasks: Sequence[str] | None, level: float, of: Of = "weights"
) -> Relatedness:
    """See `Posterior.relatedness`."""
    import pandas as pd

    program, ends = posterior.program, tails(level)
    if of not in ("weights", "features"):
        raise InputError(message("of", "'weights' or 'features'", repr(of), "Pass one of them."))
    if of == "features" and FEATURES not in posterior.draws:
        found_in = (
            type(program.network).__name__ if program.network is not None else "a model without a network"
        )
        remedy = "Fit a network of RelatedFeatures, or leave it out for the prior's own."
        raise InputError(message("of", "features that tasks share through their prior", found_in, remedy))
    wanted = (
        list(range(len(posterior.tasks))) if tasks is None else list(program.schema.encode_tasks(list(tasks)))
    )
    if len(wanted) < 2:
        raise InputError(message("tasks", "at least two tasks", len(wanted), "Name two or more."))
    draws = posterior.draws
    keep = max(50, _LARGEST // len(posterior.tasks) ** 2)
    if keep < posterior.number:  # thin rather than run out of memory on thousands of tasks
        every = torch.linspace(0, posterior.number - 1, keep).long()
        draws = {name: value[every] for name, value in draws.items()}
    size = len(posterior.tasks)
    found = {name: np.full((size, size), np.nan) for name in ("mean", "lower", "upper")}
    if of == "features":
        parts = [(tuple(range(size)), mutual_shares(draws[FEATURES]))]
    else:
        parts = [
            (kind.tasks, program.prior.relatedness(kind.draws, kind.dims))
            for kind in kinds(program, draws, program.task_features)
        ]
    for own, related in parts:
        values, at = related.double().numpy(), np.ix_(own, own)
        found["mean"][at] = values.mean(0)
        found["lower"][at], found["upper"][at] = np.quantile(values, ends, axis=0)
    names = [posterior.tasks[t] for t in wanted]
    frames = {
        key: pd.DataFrame(value[np.ix_(wanted, wanted)], index=names, columns=names)
        for key, value in found.items()
    }
    return Relatedness(**frames, level=level)
