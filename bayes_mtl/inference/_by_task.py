"""Whether a step may leave alone the tasks that its batch has no observation of."""

from functools import partial

import torch
from pyro import poutine
from pyro.infer.autoguide.initialization import InitMessenger
from torch import nn

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
_NO_TABLES = (AbstractLikelihood.bind, Categorical.bind, Ordinal.bind)
"""Likelihoods that bind to data otherwise may hold something of each task."""


def by_task(program: object, guide: nn.Module, batches: Batches) -> TaskBatches | None:
    """Batches of a part of the tasks, where the model allows it and there are many more than a step sees.

    Tasks have to be independent given the hyperparameters, of one kind, and without a network.
    """
    if not (isinstance(program, Program) and isinstance(guide, AutoTaskBlocks)):
        return None
    if not isinstance(batches, Minibatches) or program.network is not None or len(program.kinds) > 1:
        return None
    tasks = len(program.schema.tasks)
    if tasks < _MANY * batches.size or not (guide.task_parameters() or isinstance(guide, AutoAmortised)):
        return None
    known = type(program.likelihood).bind in _NO_TABLES and type(program.prior).bind is AbstractTaskPrior.bind
    return TaskBatches(batches, tasks) if known and _independent(program) else None


def _independent(program: Program) -> bool:
    """Whether the weights of a task depend on nothing but its own sites and on hyperparameters."""
    prior = program.prior
    standard = AbstractGaussianTaskPrior
    if not isinstance(prior, standard) or type(prior).weights is not standard.weights or len(program.states):
        return False
    found = []
    for number in (2, 3):
        features = program.task_features
        dims = program.dims(None if features is None else features[:1].expand(number, -1), range(number))
        sites = _shared_sites(prior, dims)
        if sites is None:
            return False
        found.append(sites)
    return found[0] == found[1]


def _shared_sites(prior: AbstractGaussianTaskPrior, dims: Dims) -> dict[str, torch.Size] | None:
    """Shapes of the hyperparameters for so many tasks; None where these are correlated."""
    start = InitMessenger(partial(start_near_zero, {}))
    with torch.random.fork_rng(), torch.no_grad(), hidden(), start, poutine.trace() as tracer:
        moments = prior.moments(dims)
    if moments.tasks is not None:
        return None
    return {
        name: site["fn"].shape()
        for name, site in tracer.trace.iter_stochastic_nodes()
        if not any(frame.name in TASK_PLATES for frame in site["cond_indep_stack"])
    }
