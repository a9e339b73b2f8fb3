"""Variational inference by closed-form updates."""

import math
import time
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from bayes_mtl._errors import InputError, NumericalError, UnsupportedError, message
from bayes_mtl._seed import seeded
from bayes_mtl.data import Statistics, TaskData, TaskTable
from bayes_mtl.inference._abstract_inference import AbstractInference
from bayes_mtl.inference._collapsed_program import why_not_collapsed
from bayes_mtl.inference._local import local_parameters
from bayes_mtl.inference._sums_by_task import sums_by_task
from bayes_mtl.model import MultiTaskModel, Program
from bayes_mtl.posterior import FitRecord, Posterior, build_posterior
from bayes_mtl.priors._abstract_coordinate_updates import AbstractCoordinateUpdates
from bayes_mtl.priors._coordinate_prior import CoordinatePrior
from bayes_mtl.priors._free_scale import FreeScale


@dataclass(frozen=True)
class CoordinateAscent(AbstractInference):
    """Mean-field variational inference with every factor set to its optimum in turn.

    For Gaussian likelihoods without a network, and priors that bring their updates (`GroupSparse`). There is
    no learning rate and no noise: the evidence lower bound never falls, and its negative is in the record
    at every iteration. Tasks may have rows of their own; an iteration costs one factorisation a task, however
    many rows.

    Parameters
    ----------
    iterations
        Most iterations.
    tolerance
        It stops where an iteration raises the bound by less than this part of it.
    draws
        Posterior draws to keep.

    Notes
    -----
    Factors are independent: correlations between the weights and what is above them are lost, and intervals
    of hyperparameters are too narrow. `Collapsed` keeps them.

    References
    ----------
    Archambeau, Guo and Zoeter, Sparse Bayesian multi-task learning (NIPS 2011), section 3; Bishop, Pattern
    recognition and machine learning (2006), section 10.1.
    """

    iterations: int = 2000
    tolerance: float = 1e-7
    draws: int = 1000

    def __post_init__(self) -> None:
        for name in ("iterations", "draws"):
            if getattr(self, name) < 1:
                raise InputError(message(name, "at least 1", getattr(self, name), "Raise it."))
        if not 0 <= self.tolerance < 1:
            raise InputError(message("tolerance", "a number from 0 to 1", self.tolerance, "Try 1e-7."))

    def run(self, model: MultiTaskModel, data: TaskData | TaskTable, *, seed: int = 0) -> Posterior:
        began = time.perf_counter()
        with seeded(seed), local_parameters(), torch.no_grad():
            program = model.program(data)
            prior = program.prior
            reason = why_not(program)
            if reason is not None or not isinstance(prior, CoordinatePrior):
                raise UnsupportedError(f"CoordinateAscent does not fit this model: {reason}. Use SVI.")
            statistics = sums_by_task(program, data)
            updates = prior.coordinate_updates(statistics, program.dims(program.task_features))
            noise = _Noise(program, statistics)
            losses, stopped = self._ascend(updates, noise)
            draws = {**updates.draw(self.draws), **noise.draw(self.draws)}
            record = FitRecord(
                method="CoordinateAscent",
                settings=self.described(),
                seed=seed,
                device="cpu",
                seconds=time.perf_counter() - began,
                losses=np.asarray(losses),
                stopped=stopped,
                observations=len(data),
            )
            posterior = build_posterior(program, draws, record)
        return posterior.with_record(seconds=time.perf_counter() - began)

    def _ascend(self, updates: AbstractCoordinateUpdates, noise: "_Noise") -> tuple[list[float], str]:
        losses: list[float] = []
        for _ in range(self.iterations):
            updates.update(noise.precision)
            residual = updates.residual()
            noise.update(residual)
            losses.append(-float(updates.bound() + noise.bound(residual)))
            if not math.isfinite(losses[-1]):
                at = f"The bound is {-losses[-1]} at iteration {len(losses)}."
                raise NumericalError(f"{at} Look for extreme values in the data.")
            if len(losses) > 1 and losses[-2] - losses[-1] <= self.tolerance * abs(losses[-1]):
                return losses, "converged"
        return losses, "iteration limit"


def why_not(program: Program) -> str | None:
    """Why this program has no closed-form updates; None where it has."""
    if program.schema.fixed:
        return "features with one weight for all tasks have no closed-form update"
    if not isinstance(program.prior, CoordinatePrior):
        return f"{type(program.prior).__name__} brings no updates"
    return why_not_collapsed(program)


class _Noise:
    """Factor of the noise: one scale, one a task, or known."""

    def __init__(self, program: Program, statistics: Statistics) -> None:
        likelihood: Any = program.likelihood  # a Gaussian one, as `why_not` made sure
        self.statistics, self.kind = statistics, likelihood.noise
        n = statistics.n
        self.scale = None
        if self.kind != "known":
            self.scale = FreeScale(likelihood.scale, n if self.kind == "task" else n.sum().reshape(1))
        spread = torch.as_tensor(np.log(program.scaling.spread[:, 0]))
        constant = 0.5 * (statistics.log_precision - n * math.log(2 * math.pi)) - n * spread
        self.constant = constant.sum()

    @property
    def precision(self) -> Tensor:
        """Expected inverse variance of each task, ``[tasks]``."""
        one = torch.ones_like(self.statistics.n)
        return one if self.scale is None else self.scale.precision * one

    def update(self, residual: Tensor) -> None:
        """Renew the factor given the expected sums of squares, ``[tasks]``."""
        if self.scale is not None:
            self.scale.update(residual if self.kind == "task" else residual.sum().reshape(1))

    def bound(self, residual: Tensor) -> Tensor:
        """Expected log-likelihood in the user's units, and the factor's own part of the bound."""
        total = self.constant - 0.5 * (self.precision * residual).sum()
        if self.scale is None:
            return total
        return total - (self.scale.terms * self.scale.log).sum() + self.scale.bound.sum()

    def draw(self, number: int) -> dict[str, Tensor]:
        """Draws of the site ``noise_scale``."""
        return {} if self.scale is None else {"noise_scale": self.scale.draw(number)}
