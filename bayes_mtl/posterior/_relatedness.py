"""How alike tasks are."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np
import torch
from torch import Tensor

from bayes_mtl._errors import InputError, message
from bayes_mtl.posterior._kinds import Kind, kinds
from bayes_mtl.posterior._tails import tails
from bayes_mtl.priors import AbstractTaskPrior
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
    draws
        How many draws they are of: evenly spaced ones where all of so many pairs do not fit into memory.
    """

    mean: "pd.DataFrame"
    lower: "pd.DataFrame"
    upper: "pd.DataFrame"
    level: float
    draws: int


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
    keep = min(posterior.number, max(50, _LARGEST // len(wanted) ** 2))
    every = torch.linspace(0, posterior.number - 1, keep).long()
    size = len(wanted)
    found = {name: np.full((size, size), np.nan) for name in ("mean", "lower", "upper")}
    for at, related in _parts(posterior, np.asarray(wanted), every, of):
        values, place = related.double().numpy(), np.ix_(at, at)
        found["mean"][place] = values.mean(0)
        found["lower"][place], found["upper"][place] = np.quantile(values, ends, axis=0)
    names = [posterior.tasks[t] for t in wanted]
    frames = {key: pd.DataFrame(value, index=names, columns=names) for key, value in found.items()}
    return Relatedness(**frames, level=level, draws=keep)


def _parts(
    posterior: "Posterior", wanted: np.ndarray, every: Tensor, of: Of
) -> Iterator[tuple[np.ndarray, Tensor]]:
    """Places in ``wanted`` of tasks that are related to each other, and by how much at each draw."""
    program, size = posterior.program, len(posterior.tasks)
    # some draws at a time: a prior may have to relate all tasks to each other for a few of them
    steps = every.split(max(1, _LARGEST // size**2))
    draws = [{name: value[step] for name, value in posterior.draws.items()} for step in steps]
    if of == "features":
        shares = [mutual_shares(some[FEATURES][:, wanted][..., wanted]) for some in draws]
        yield np.arange(len(wanted)), torch.cat(shares)
        return
    related: dict[str, list[Tensor]] = {}
    places: dict[str, np.ndarray] = {}
    for some in draws:
        for kind in kinds(program, some, program.task_features):
            own = {task: i for i, task in enumerate(kind.tasks)}
            at = np.array([i for i, task in enumerate(wanted) if int(task) in own], dtype=np.int64)
            if len(at):
                chosen = torch.tensor([own[int(task)] for task in wanted[at]])
                places[kind.name] = at
                among = _related_among(program.prior, kind, chosen)
                related.setdefault(kind.name, []).append(among)
    for name, parts in related.items():
        yield places[name], torch.cat(parts)


def _related_among(prior: AbstractTaskPrior, kind: Kind, tasks: Tensor) -> Tensor:
    """What the prior says of some of its tasks, by its quicker way unless a subclass says otherwise."""
    classes = type(prior).__mro__
    way, rule = (
        next(i for i, one in enumerate(classes) if name in vars(one))
        for name in ("related_among", "relatedness")
    )
    if way <= rule:
        return prior.related_among(kind.draws, kind.dims, tasks)
    return prior.relatedness(kind.draws, kind.dims)[:, tasks][..., tasks]
