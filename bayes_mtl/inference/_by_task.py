"""Whether a step may leave alone the tasks that its batch has no observation of."""

from collections.abc import Mapping
from dataclasses import fields
from functools import partial
from typing import Any

import torch
from pyro import poutine
from pyro.infer.autoguide.initialization import InitMessenger
from pyro.poutine.util import site_is_subsample
from torch import Tensor, nn

from bayes_mtl._hidden import hidden
from bayes_mtl._shapes import Dims
from bayes_mtl.data import Minibatches
from bayes_mtl.inference._auto_amortised import AutoAmortised
from bayes_mtl.inference._batches import Batches
from bayes_mtl.inference._sites import start_near_zero
from bayes_mtl.inference._task_batches import TaskBatches
from bayes_mtl.inference._task_blocks import AutoTaskBlocks
from bayes_mtl.likelihoods import AbstractLikelihood, Categorical, Ordinal
from bayes_mtl.model import TASK_PLATES, Program
from bayes_mtl.priors import AbstractGaussianTaskPrior, AbstractTaskPrior

_MANY = 4
"""Tasks for each observation of a batch from which it pays, and Adam's noise a task stays small."""
_NUMBERS = (2, 3)
"""Of tasks that are compared."""
_ROUNDING = 1e-4
"""Relative difference of float32 numbers that are equal."""
_NO_TABLES = (AbstractLikelihood.bind, Categorical.bind, Ordinal.bind)
"""Likelihoods that bind to data otherwise may hold something of each task."""


def by_task(program: object, guide: nn.Module, batches: Batches) -> TaskBatches | None:
    """Batches of a part of the tasks, where the model allows it and there are many more than a step sees."""
    if not (isinstance(program, Program) and isinstance(guide, AutoTaskBlocks)):
        return None
    tasks = len(program.schema.tasks)
    if not isinstance(batches, Minibatches) or tasks < _MANY * batches.size:
        return None
    if not (guide.task_parameters() or isinstance(guide, AutoAmortised)):
        return None
    return TaskBatches(batches, tasks) if allows_parts(program) else None


def allows_parts(program: Program) -> bool:
    """Whether a batch of a part of the tasks has the densities that these have among all tasks.

    Tasks have to be independent given the hyperparameters, of one kind, and without a network.
    """
    if program.network is not None or len(program.kinds) > 1:
        return False
    known = type(program.likelihood).bind in _NO_TABLES and type(program.prior).bind is AbstractTaskPrior.bind
    return known and _independent(program)


def _independent(program: Program) -> bool:
    """Whether the weights of a task depend on nothing but its own sites and on hyperparameters."""
    prior = program.prior
    standard = AbstractGaussianTaskPrior
    if not isinstance(prior, standard) or type(prior).weights is not standard.weights or len(program.states):
        return False
    values: dict[str, Tensor] = {}
    found = []
    for number in _NUMBERS:
        features = program.task_features
        dims = program.dims(None if features is None else features[:1].expand(number, -1), range(number))
        said = _said(prior, dims, values)
        if said is None:
            return False
        found.append(said)
    few, more = found
    return few.keys() == more.keys() and all(_same(few[name], more[name]) for name in few)


def _said(
    prior: AbstractGaussianTaskPrior, dims: Dims, values: dict[str, Tensor]
) -> dict[str, Tensor] | None:
    """What the prior says with so many tasks; None where these are correlated.

    That is the hyperparameters' shapes and log-densities, and the moments of the weights.

    Parameters
    ----------
    values
        Of the prior's sites; those of new sites are written into it.
    """
    start = InitMessenger(partial(_start, values))
    with torch.random.fork_rng(), torch.no_grad(), hidden(), start, poutine.trace() as tracer:
        moments = prior.moments(dims)
    if moments.tasks is not None:
        return None
    tracer.trace.compute_log_prob()
    found: dict[str, Tensor] = {}
    for name, site in tracer.trace.nodes.items():
        if site["type"] != "sample" or site_is_subsample(site):
            continue
        by_task = any(frame.name in TASK_PLATES for frame in site["cond_indep_stack"])
        values.setdefault(name, site["value"][:1] if by_task else site["value"])
        if not by_task:
            shape = torch.tensor([float(size) for size in site["value"].shape])
            found |= {f"shape of {name}": shape, f"log density of {name}": site["log_prob"]}
    parts = {f.name: getattr(moments, f.name) for f in fields(moments)}
    return found | {f"moments {name}": part for name, part in parts.items() if part is not None}


def _start(values: Mapping[str, Tensor], site: Mapping[str, Any]) -> Tensor:
    """The value that a site had before, of its first task for each task."""
    old, shape = values.get(site["name"]), site["fn"].shape()
    if old is None or old.dim() != len(shape):
        return start_near_zero({}, site)
    fits = all(a in (1, b) for a, b in zip(old.shape, shape, strict=True))
    return old.expand(shape) if fits else start_near_zero({}, site)


def _same(few: Tensor, more: Tensor) -> bool:
    """Whether numbers are those of more tasks; of the first task where they differ by task."""
    if few.dim() != more.dim():
        return False
    for axis, (a, b) in enumerate(zip(few.shape, more.shape, strict=True)):
        if (a, b) == _NUMBERS:
            few, more = few.narrow(axis, 0, 1), more.narrow(axis, 0, 1)
    return few.shape == more.shape and torch.allclose(few, more, rtol=_ROUNDING, equal_nan=True)
