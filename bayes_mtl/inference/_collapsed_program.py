"""The Pyro program of a Gaussian model with its weights integrated out: hyperparameters alone."""

import numpy as np
import pyro
import torch
from torch import Tensor

from bayes_mtl._errors import UnsupportedError
from bayes_mtl.data import TaskData, gram
from bayes_mtl.inference._evidence import Evidence, evidence
from bayes_mtl.likelihoods import Gaussian
from bayes_mtl.model import Program
from bayes_mtl.priors import AbstractGaussianTaskPrior

LARGEST_DENSE = 2_000


def why_not_collapsed(program: Program) -> str | None:
    """Why the weights of this program cannot be integrated out in closed form; None where they can."""
    if type(program.likelihood) is not Gaussian:
        return f"the likelihood is {type(program.likelihood).__name__}, not Gaussian"
    if not isinstance(program.prior, AbstractGaussianTaskPrior):
        return f"{type(program.prior).__name__} is not Gaussian given its hyperparameters"
    if program.network is not None:
        return "the network is trained with the rest"
    if program.outputs != 1:
        return f"tasks have {program.outputs} outputs"
    return None


class CollapsedProgram:
    """Call it without arguments: it samples hyperparameters and adds the evidence of every task.

    Parameters
    ----------
    program
        The full program.
    data
        Read once, for per-task sums; a call's cost does not depend on the number of rows.

    Raises
    ------
    UnsupportedError
        Where the weights cannot be integrated out, or the system would be too large.
    """

    def __init__(self, program: Program, data: TaskData) -> None:
        reason = why_not_collapsed(program)
        if reason is not None:
            raise UnsupportedError(f"Collapsed inference does not fit this model: {reason}. Use SVI or NUTS.")
        self.program = program
        self.statistics = gram(data, program.scaling)
        self.dims = program.dims(program.task_features)
        # Density of the targets in the user's units instead of the standardised ones.
        self.jacobian = -self.statistics.n * torch.as_tensor(np.log(program.scaling.spread[:, 0]))

    def evidence(self) -> Evidence:
        """Sample the hyperparameters; evidence given them."""
        program = self.program
        moments = program.prior.moments(self.dims)
        if moments.tasks is not None and self.dims.tasks * self.dims.features > LARGEST_DENSE:
            raise UnsupportedError(
                f"A covariance between {self.dims.tasks} tasks of {self.dims.features} weights needs a system of "
                f"{self.dims.tasks * self.dims.features} equations; collapsed inference stops at {LARGEST_DENSE}. "
                "Use SVI, or a prior whose tasks are independent given the hyperparameters."
            )
        noise: Tensor | float = program.likelihood.parameters(self.dims).get("scale", 1.0)
        return evidence(self.statistics, moments, program.fixed(), noise)

    def __call__(self) -> None:
        found = self.evidence()
        if found.log.shape[-1] == self.dims.tasks:
            with pyro.plate("evidence_of_tasks", self.dims.tasks, dim=-1):
                pyro.factor("evidence", found.log + self.jacobian)
        else:
            with pyro.plate("evidence_of_tasks", 1, dim=-1):
                pyro.factor("evidence", found.log + self.jacobian.sum())
