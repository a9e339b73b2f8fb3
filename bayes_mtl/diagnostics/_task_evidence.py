"""Log evidence of all rows of a task, its weights integrated out, at draws of all that tasks share."""

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import torch
from torch import Tensor

from bayes_mtl._errors import UnsupportedError
from bayes_mtl._seed import seeded
from bayes_mtl.data import TaskData
from bayes_mtl.data._split import own_tasks
from bayes_mtl.diagnostics._latents import of_weights
from bayes_mtl.inference._collapsed_program import CollapsedProgram, correlated, why_not_collapsed
from bayes_mtl.inference._few_rows import FewRows
from bayes_mtl.inference._local import local_parameters
from bayes_mtl.model import Program
from bayes_mtl.posterior import Posterior
from bayes_mtl.posterior._new_tasks import task_sites
from bayes_mtl.posterior._request import request_of_data
from bayes_mtl.priors import AbstractGaussianTaskPrior, at_draws

_LARGEST = 1 << 20  # numbers a chunk works on: about what a cache holds
_PROPOSALS = 16


def exact_evidence(posterior: Posterior, data: TaskData) -> np.ndarray:
    """``[draws, tasks]`` in closed form, each task given the others; see `why_not_collapsed`."""
    program, number = posterior.program, posterior.number
    collapsed = CollapsedProgram(program, data)
    dims = collapsed.dims
    size = max(1, _LARGEST // (dims.tasks * dims.features**2))
    draws = {name: value.double() for name, value in posterior.draws.items()}
    parts = []
    with local_parameters(), torch.no_grad():
        for start in range(0, number, size):
            part = {name: value[start : start + size] for name, value in draws.items()}
            found = at_draws(collapsed.evidence, part).left_out() + collapsed.jacobian
            parts.append(found.expand(len(part["weights"]), dims.tasks))
    return torch.cat(parts).numpy()


def approximate_evidence(posterior: Posterior, data: TaskData, seed: int) -> np.ndarray:
    """``[draws, tasks]`` by a Gaussian around the mode of each task's weights, corrected by sampling from it.

    Raises
    ------
    UnsupportedError
        Where a task cannot be taken out of the model without fitting again.
    """
    program = posterior.program
    prior, reason = program.prior, why_not_left_out(posterior)
    if reason is not None or not isinstance(prior, AbstractGaussianTaskPrior):
        raise UnsupportedError(f"No task can be left out without fitting again: {reason}.")
    single = task_sites(program, posterior.draws)
    kept = {name: value.double() for name, value in posterior.draws.items() if not of_weights(name)}
    columns = []
    for t in range(len(posterior.tasks)):
        rows = data.subset(data.task == t)
        own = replace(rows, **own_tasks(rows.task, rows.schema, rows.task_features))
        draws = {name: value[:, t : t + 1] if name in single else value for name, value in kept.items()}
        with seeded(seed + t), local_parameters():
            columns.append(_of_task(program, prior, own, t, draws))
    return torch.stack(columns, 1).numpy()


def _of_task(
    program: Program,
    prior: AbstractGaussianTaskPrior,
    own: TaskData,
    position: int,
    draws: Mapping[str, Tensor],
) -> Tensor:
    features = program.task_features
    features = None if features is None else features[position : position + 1]
    dims = replace(program.dims(tasks=range(1)), task_features=features, name="left_out_task")
    batch = request_of_data(program, own, new=True).batch.to("cpu", torch.float64)
    few = FewRows.at(program, prior, draws, batch, dims)
    _, log = few.propose(len(draws[next(iter(draws))]), _PROPOSALS)
    return few.evidence(log).logsumexp(-1)


def why_not_left_out(posterior: Posterior) -> str | None:
    """Why a task cannot be left out without another fit; None where it can."""
    program = posterior.program
    prior = program.prior
    if program.network is not None:
        return "the network was trained on its rows"
    if prior.only_svi or not isinstance(prior, AbstractGaussianTaskPrior):
        return f"{type(prior).__name__} is not Gaussian given its hyperparameters"
    if len(program.kinds) > 1 or program.kinds[0][0]:
        return "tasks are of different kinds"
    if program.scaling.by_task:
        return "each task's targets were standardised by their own location and spread (units='task')"
    if why_not_collapsed(program) is not None and correlated(prior, program.dims(program.task_features)):
        return f"{type(prior).__name__} correlates it with the others"
    return None
