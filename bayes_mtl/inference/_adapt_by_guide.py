"""New tasks from a few rows, for priors that bring a guide: only what belongs to the new tasks is fitted."""

from copy import deepcopy
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import pad

from bayes_mtl.data import Scaling, TaskData
from bayes_mtl.inference._guided import guided_draws
from bayes_mtl.inference._known_guide import KnownGuide
from bayes_mtl.inference._stopping import Plateau
from bayes_mtl.inference._train import train
from bayes_mtl.inference._whole_data import WholeData
from bayes_mtl.model import Program, classes_seen
from bayes_mtl.networks import AbstractStochasticNetwork
from bayes_mtl.posterior import FitRecord, Posterior
from bayes_mtl.posterior._new_tasks import new_dims, shared_draws
from bayes_mtl.posterior._request import request_of_data

_STEPS, _PARTICLES, _RATE = 1_500, 2, 0.05


def adapt_by_guide(posterior: Posterior, rows: TaskData, task_features: object) -> Posterior | None:
    """The posterior with the tasks of ``rows``; None where the prior does not extend its state.

    The fitted tasks, and all that tasks share, keep their draws.
    """
    program, tasks = posterior.program, len(posterior.tasks)
    new = new_dims(program, rows.schema.tasks, task_features)
    new = replace(new, seen=torch.as_tensor(program.likelihood.seen(rows)))
    state = program.prior.extended_state(program.dims(program.task_features), new)
    if state is None:
        return None
    network = extended_network(program, rows)
    extended = _extended(program, network, rows.schema.tasks, new.task_features)
    fitted = {name: value.clone() for name, value in state.named_parameters()}
    extended.states = nn.ModuleList([state])
    batch = request_of_data(program, rows, new=True).batch
    batch = replace(
        batch,
        task=batch.task + tasks,
        shift=torch.as_tensor(extended.scaling.shift).float(),
        spread=torch.as_tensor(extended.scaling.spread).float(),
        task_features=extended.task_features,
    )
    part = program.prior.guide(extended.dims(extended.task_features), {}, extended.design)
    guide = KnownGuide(extended, part, shared_draws(program, posterior.draws))
    training = train(
        extended,
        guide,
        WholeData(batch),
        steps=_STEPS,
        particles=_PARTICLES,
        learning_rate=_RATE,
        reductions=2,
        plateau=Plateau(),
        progress=False,
    )
    with torch.no_grad():
        for name, value in state.named_parameters():
            if value.dim() and len(value) == len(extended.schema.tasks):
                value[:tasks] = fitted[name][:tasks]  # trained on nothing but each other
    found, _ = guided_draws(extended.latents, guide, (batch,), posterior.number)
    found |= extended.prior.derive(found, extended.dims(extended.task_features))
    if isinstance(network, AbstractStochasticNetwork):
        found |= network.derive(posterior.number)
    draws = {name: _joined(value, found.get(name), tasks) for name, value in posterior.draws.items()}
    record = adapted_record(
        posterior.record,
        len(rows),
        log_weights=None,
        losses=np.asarray(training.losses),
        stopped=training.stopped,
    )
    return Posterior(extended.eval(), draws, record)


def adapted_record(record: FitRecord, observations: int, **changes: Any) -> FitRecord:
    """What is known of a fit with so many observations more."""
    method = record.method if adapted(record) else f"adapt({record.method})"
    return replace(
        record, method=method, chains=1, observations=record.observations + observations, **changes
    )


def adapted(record: FitRecord) -> bool:
    """Whether tasks were added to a fit before."""
    return record.method.startswith("adapt(")


def extended_network(program: Program, rows: TaskData) -> nn.Module | None:
    """The network of fitted and new tasks: what tasks share is not trained any more."""
    if isinstance(program.network, AbstractStochasticNetwork):
        return program.network.with_tasks(rows, classes_seen(program.likelihood, rows))
    return None if program.network is None else deepcopy(program.network).eval().requires_grad_(False)


def _joined(old: Tensor, found: Tensor | None, tasks: int) -> Tensor:
    """Draws of the fitted tasks and, where there is an axis of tasks, of the new ones behind them."""
    if found is None or found.shape[1] <= tasks or old.shape[1] != tasks:
        return old
    more = [0 if a == b else b - a for a, b in zip(old.shape[2:], found.shape[2:], strict=True)]
    wide = pad(old, [size for extra in reversed(more) for size in (0, extra)])
    return torch.cat([wide, found[:, tasks:].to(old)], 1)


def _extended(
    program: Program, network: nn.Module | None, names: tuple[str, ...], task_features: Tensor | None
) -> Program:
    """The program of fitted and new tasks; what they share is not trained any more."""
    scaling, number = program.scaling, len(names)
    last = {
        name: np.concatenate([getattr(scaling, name), getattr(scaling, name)[-1:].repeat(number, 0)])
        for name in ("shift", "spread")
    }
    features = program.task_features
    if features is not None and task_features is not None:
        features = torch.cat([features, task_features])
    tasks = (*program.schema.tasks, *names)
    return Program(
        prior=program.prior,
        likelihood=program.likelihood,
        network=network,
        fixed=program.fixed_prior,
        schema=program.schema.with_tasks(tasks),
        scaling=Scaling(**{**scaling.__dict__, **last}),
        kinds=[("", range(len(tasks)))],
        used_outputs=torch.full((len(tasks),), program.outputs),
        task_features=features,
        offset=program.offset,
    )
