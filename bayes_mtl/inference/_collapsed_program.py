"""The Pyro program of a Gaussian model with its weights integrated out: hyperparameters alone."""

from functools import partial

import numpy as np
import pyro
import torch
from pyro.infer.autoguide.initialization import InitMessenger
from torch import Tensor

from bayes_mtl._errors import UnsupportedError
from bayes_mtl._hidden import hidden
from bayes_mtl._seed import seeded
from bayes_mtl._shapes import Dims
from bayes_mtl.data import TaskData, TaskTable
from bayes_mtl.inference._dense_evidence import DenseEvidence
from bayes_mtl.inference._evidence import Evidence, evidence
from bayes_mtl.inference._frozen_design import is_trained
from bayes_mtl.inference._sites import start_near_zero
from bayes_mtl.inference._sums_by_task import sums_by_task
from bayes_mtl.likelihoods import Gaussian
from bayes_mtl.model import Program
from bayes_mtl.priors import AbstractGaussianTaskPrior, Moments

LARGEST_DENSE = 2_000


def why_not_collapsed(program: Program) -> str | None:
    """Why the weights of this program cannot be integrated out in closed form; None where they can."""
    if type(program.likelihood) is not Gaussian:
        return f"the likelihood is {type(program.likelihood).__name__}, not Gaussian"
    if program.prior.only_svi:
        return program.prior.only_svi
    if not isinstance(program.prior, AbstractGaussianTaskPrior):
        return f"{type(program.prior).__name__} is not Gaussian given its hyperparameters"
    if is_trained(program):
        return "the network is trained with the rest"
    if program.outputs != 1:
        return f"tasks have {program.outputs} outputs"
    dims = program.dims(program.task_features)
    size = dims.tasks * dims.features
    if size > LARGEST_DENSE and correlated(program.prior, dims):
        return (
            f"a covariance between {dims.tasks} tasks of {dims.features} weights is a system of {size} "
            f"equations, above {LARGEST_DENSE}"
        )
    return None


def correlated(prior: AbstractGaussianTaskPrior, dims: Dims) -> bool:
    """Whether the tasks are correlated given the hyperparameters."""
    return moments_of(prior, dims).tasks is not None


def moments_of(prior: AbstractGaussianTaskPrior, dims: Dims) -> Moments:
    """At some hyperparameters."""
    start = InitMessenger(partial(start_near_zero, {}))  # flat hyperpriors cannot be sampled from
    with seeded(0), torch.no_grad(), hidden(), start:
        return prior.moments(dims)


class CollapsedProgram:
    """Call it without arguments: it samples hyperparameters and adds the evidence of every task.

    Parameters
    ----------
    program
        The full program.
    data
        Read once, for per-task sums; a call's cost does not depend on the number of rows.

    Attributes
    ----------
    statistics
        The sums.

    Raises
    ------
    UnsupportedError
        Where the weights cannot be integrated out, or the system would be too large.
    """

    def __init__(self, program: Program, data: TaskData | TaskTable) -> None:
        reason = why_not_collapsed(program)
        prior = program.prior
        if reason is not None or not isinstance(prior, AbstractGaussianTaskPrior):
            others = "SVI or NUTS" if program.network is None else "SVI"
            raise UnsupportedError(f"Collapsed inference does not fit this model: {reason}. Use {others}.")
        self.program, self.prior = program, prior
        self.statistics = sums_by_task(program, data)
        self.dims = program.dims(program.task_features)
        # Density of the targets in the user's units instead of the standardised ones.
        self.jacobian = -self.statistics.n * torch.as_tensor(np.log(program.scaling.spread[:, 0]))

    @property
    def numbers(self) -> int:
        """Numbers in the matrices of one call."""
        tasks, size = self.dims.tasks, self.dims.features
        moments = moments_of(self.prior, self.dims)
        components = 1 if moments.logits is None else moments.logits.shape[-1]
        return components * (tasks * size) ** 2 if moments.tasks is not None else components * tasks * size**2

    def evidence(self) -> Evidence | DenseEvidence:
        """Sample the hyperparameters; evidence given them."""
        program = self.program
        moments = self.prior.moments(self.dims)
        noise: Tensor | float = program.likelihood.parameters(self.dims).get("scale", 1.0)
        return evidence(self.statistics, moments, program.fixed(), noise)

    def __call__(self) -> None:
        log = self.evidence().log()
        # Correlated tasks have one evidence for all of them.
        together = log.shape[-1] != self.dims.tasks or self.dims.tasks == 1
        with pyro.plate("evidence_of_tasks", log.shape[-1], dim=-1):
            pyro.factor("evidence", log + (self.jacobian.sum() if together else self.jacobian))
