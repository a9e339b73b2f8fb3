"""A new task from a few rows, without fitting again."""

import time
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from torch import Tensor

from bayes_mtl._errors import InputError, UnsupportedError, message
from bayes_mtl._psis import psis
from bayes_mtl._seed import seeded
from bayes_mtl.data import Scaling, TaskData
from bayes_mtl.data._require_data import require_data
from bayes_mtl.inference._adapt_by_guide import adapt_by_guide, adapted, adapted_record, extended_network
from bayes_mtl.inference._few_rows import FewRows
from bayes_mtl.inference._local import local_parameters
from bayes_mtl.model import Program
from bayes_mtl.networks import AbstractRandomNetwork
from bayes_mtl.posterior import FitRecord, Posterior, build_posterior
from bayes_mtl.posterior._new_tasks import new_dims, new_weights, task_sites
from bayes_mtl.posterior._request import request_of_data
from bayes_mtl.priors import AbstractGaussianTaskPrior

_PROPOSALS = 16


def adapt(posterior: Posterior, data: TaskData, *, task_features: Any = None, seed: int = 0) -> Posterior:
    """Add new tasks to a posterior from a few rows of each.

    For every draw of what tasks share, the new task's weights are found by Newton's method with a Gaussian
    around the mode, corrected by importance sampling; the draws are then resampled in proportion to how
    well they predict the new rows. For Gaussian likelihoods this is exact: the new rows inform the
    hyperparameters, the weights of the new task, and which cluster it belongs to.

    A prior that brings a guide of its own (`GumbelSoftmax`) is adapted by that guide: by SVI on the new rows,
    with everything that was fitted before left as it is.

    Parameters
    ----------
    posterior
        Of the fitted tasks.
    data
        Rows of the new tasks, with the features of the fitted data.
    task_features
        Of the new tasks, where the model uses them and ``data`` does not hold them.
    seed
        Of the draws.

    Returns
    -------
    Posterior
        Of the fitted tasks and the new ones. ``record.log_weights`` are the log weights of the draws, of the
        new task with the largest k-hat: `check` tells where few of them carry all the weight (a new task
        unlike any seen before).

    Raises
    ------
    InputError
        Where a task was fitted already, or the features are others.
    UnsupportedError
        Where the prior says nothing about new tasks, or is not Gaussian given its hyperparameters.

    References
    ----------
    Bakker and Heskes (JMLR 2003): which cluster a new task belongs to; Vehtari et al., Pareto smoothed
    importance sampling (JMLR 2024): the weights of the draws.
    """
    require_data(data)
    program = posterior.program
    known = [task for task in data.schema.tasks if task in program.schema.tasks]
    if known:
        raise InputError(
            message(
                "data", "tasks that were not fitted", f"fitted ones {known[:5]}", "Fit again with all rows."
            )
        )
    began = time.perf_counter()
    if len(program.states):
        given = data.task_features if task_features is None else task_features
        with seeded(seed), local_parameters():
            guided = adapt_by_guide(posterior, data, given)
        if guided is not None:
            return guided.with_record(seconds=time.perf_counter() - began)
    prior = program.prior
    if isinstance(program.network, AbstractRandomNetwork):
        raise UnsupportedError(
            "adapt needs a network whose weights are points; this one has random layers. Fit again with the "
            "new task's rows, or without lift."
        )
    if not isinstance(prior, AbstractGaussianTaskPrior):
        raise UnsupportedError(
            f"adapt needs a prior that is Gaussian given its hyperparameters; {type(prior).__name__} is not. "
            "Fit again with the new task's rows."
        )
    for position, task in enumerate(data.schema.tasks):
        features = task_features
        if features is None and data.task_features is not None:
            features = data.task_features[position : position + 1]
        rows = data.subset(data.task == position)
        schema = rows.schema.with_tasks((task,))
        rows = replace(rows, schema=schema, task=np.zeros_like(rows.task), task_features=None)
        with seeded(seed + position), local_parameters():
            posterior = _with_task(posterior, prior, rows, features, seed + position)
    return posterior.with_record(seconds=time.perf_counter() - began)


def _with_task(
    posterior: Posterior, prior: AbstractGaussianTaskPrior, rows: TaskData, task_features: Any, seed: int
) -> Posterior:
    program, number = posterior.program, posterior.number
    (task,) = rows.schema.tasks
    dims = new_dims(program, (task,), task_features)
    drawn = new_weights(program, posterior.draws, dims, seed)
    draws = {name: value for name, value in drawn.items() if name != "weights"}
    batch = request_of_data(program, rows, new=True, task_features=task_features).batch
    few = FewRows.at(program, prior, draws, batch, dims)
    proposals, log = few.propose(number, _PROPOSALS)
    with torch.no_grad():
        evidence = few.evidence(log)
        per_draw = evidence.logsumexp(-1)
        smoothed, _ = psis(per_draw.numpy())
        chosen = torch.multinomial(torch.as_tensor(np.exp(smoothed)), number, replacement=True)
        component = torch.distributions.Categorical(logits=evidence[chosen]).sample()
        proposal = torch.distributions.Categorical(logits=log[:, chosen, component].T).sample()
        weights = torch.stack([few.weights(one) for one in proposals])[proposal, chosen, component]
    return _extended(posterior, chosen, weights, draws, task, dims.task_features, per_draw, rows)


def _extended(
    posterior: Posterior,
    chosen: Tensor,
    weights: Tensor,
    new: Mapping[str, Tensor],
    task: str,
    task_features: Tensor | None,
    log_weights: Tensor,
    rows: TaskData,
) -> Posterior:
    """The resampled draws with one more task."""
    program, old = posterior.program, posterior.draws
    draws = {name: value[chosen] for name, value in old.items()}
    draws["weights"] = torch.cat([draws["weights"], weights.unsqueeze(1).float()], 1)
    for name in task_sites(program, old) - {"weights"}:
        if name in new and new[name].shape[1] == 1:
            draws[name] = torch.cat([draws[name], new[name][chosen].float()], 1)
        else:
            del draws[name]  # derived from the weights: made anew
    scaling = program.scaling
    features = program.task_features
    if features is not None and task_features is not None:
        features = torch.cat([features, task_features])
    prior, draws = program.prior.with_new_task(draws, {name: value[chosen] for name, value in new.items()})
    extended = Program(
        prior=prior,
        likelihood=program.likelihood,
        network=extended_network(program, rows),
        fixed=program.fixed_prior,
        schema=program.schema.with_tasks((*posterior.tasks, task)),
        scaling=Scaling(
            **{**scaling.__dict__, **{k: _repeat_last(getattr(scaling, k)) for k in ("shift", "spread")}}
        ),
        kinds=[("", range(len(posterior.tasks) + 1))],
        used_outputs=torch.full((len(posterior.tasks) + 1,), program.outputs),
        task_features=features,
        offset=program.offset,
    )
    weights_then = _worst(posterior.record, log_weights.numpy())
    record = adapted_record(posterior.record, len(rows), log_weights=weights_then)
    return build_posterior(extended, draws, record)


def _worst(record: FitRecord, log_weights: np.ndarray) -> np.ndarray:
    """Of these log weights and those of the tasks added before, the ones that say the worst of the draws.

    What is lost in one choice of draws, the next one cannot bring back, however even its weights.
    """
    if record.log_weights is None or not adapted(record):
        return log_weights
    before, now = (float(np.nan_to_num(psis(w)[1], nan=np.inf)) for w in (record.log_weights, log_weights))
    return record.log_weights if before >= now else log_weights


def _repeat_last(values: np.ndarray) -> np.ndarray:
    return np.concatenate([values, values[-1:]])
