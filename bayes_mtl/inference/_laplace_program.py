"""The Pyro program of a model with its weights integrated out around their modes: hyperparameters alone."""

from collections.abc import Mapping

import pyro
import torch
from torch import Tensor

from bayes_mtl._errors import UnsupportedError
from bayes_mtl._hidden import hidden
from bayes_mtl.data import Batch, TaskData
from bayes_mtl.inference._collapsed_program import correlated
from bayes_mtl.inference._curved import LogDensity
from bayes_mtl.inference._frozen_design import is_trained
from bayes_mtl.inference._laplace_evidence import LaplaceEvidence
from bayes_mtl.inference._rows_by_task import RowsByTask
from bayes_mtl.model import Program
from bayes_mtl.priors import AbstractGaussianTaskPrior


def why_no_laplace(program: Program) -> str | None:
    """Why the weights of this program cannot be integrated out around their modes; None where they can."""
    if program.prior.only_svi:
        return program.prior.only_svi
    if not isinstance(program.prior, AbstractGaussianTaskPrior):
        return f"{type(program.prior).__name__} is not Gaussian given its hyperparameters"
    if is_trained(program):
        return "the network is trained with the rest"
    if len(program.kinds) > 1 or program.kinds[0][0]:
        return "tasks are of different kinds"
    if program.outputs != 1:
        return f"tasks have {program.outputs} outputs"
    if correlated(program.prior, program.dims(program.task_features)):
        return f"{type(program.prior).__name__} correlates tasks given the hyperparameters"
    return None


class LaplaceProgram:
    """Call it without arguments: it samples hyperparameters and adds Laplace's evidence of every task.

    Parameters
    ----------
    program
        The full program.
    data
        Its rows are evaluated at every call.

    Raises
    ------
    UnsupportedError
        Where the weights cannot be integrated out.
    """

    def __init__(self, program: Program, data: TaskData) -> None:
        reason, prior = why_no_laplace(program), program.prior
        if reason is not None or not isinstance(prior, AbstractGaussianTaskPrior):
            others = "SVI or NUTS" if program.network is None else "SVI"
            raise UnsupportedError(f"NestedLaplace does not fit this model: {reason}. Use {others}.")
        self.program, self.prior = program, prior
        self.dims = program.dims(program.task_features)
        batch = program.batch(data, dtype=torch.float64)
        with torch.no_grad(), hidden():  # a network calculates in the precision it was trained in
            design = program.design(batch if program.network is None else program.batch(data)).double()
        self.rows = RowsByTask(design, batch.task, self.dims.tasks)
        self._near: Tensor | None = None
        self.batch: Batch = batch.select(self.rows.order, self.rows.filled)

    @property
    def numbers(self) -> int:
        """Numbers that each operation of one call works on."""
        return len(self.rows.order) + self.dims.tasks * self.dims.features**2

    def evidence(self, draws: int | None = None) -> LaplaceEvidence:
        """Sample the hyperparameters; evidence given them.

        Where nothing depends on any hyperparameter, of ``draws`` equal ones, if that is a number.
        """
        program, batch = self.program, self.batch
        moments = self.prior.moments(self.dims)
        parameters, fixed = program.likelihood_parameters(batch), program.fixed()
        density = self._density(fixed, parameters)
        # Parts of the model that no hyperparameter has touched come without the axis of draws.
        lead = density(self.rows.filled.new_zeros(len(self.rows.filled))).shape[:-1]
        lead = lead or torch.Size([] if draws is None else [draws])
        mean, root = moments.mean.squeeze(-1).double(), moments.root().squeeze(-3).double()
        mean = mean if mean.dim() > 1 else mean.unsqueeze(0)
        root = root if root.dim() > 2 else root.unsqueeze(0)
        if moments.logits is None:
            mean = mean.expand(*torch.broadcast_shapes(mean.shape[:-2], lead), *mean.shape[-2:])
            return LaplaceEvidence(self.rows, density, mean, root, None, self._near)
        # [..., tasks or 1, components, ...]: components come first, then draws.
        mean, root, logits = mean.movedim(-2, 0), root.movedim(-3, 0), moments.logits.double().movedim(-1, 0)
        mean = mean if mean.dim() > 2 else mean.unsqueeze(1)
        root = root if root.dim() > 3 else root.unsqueeze(1)
        logits = logits if logits.dim() > 1 else logits.unsqueeze(1)
        near = self._near
        if lead or max(mean.dim(), root.dim() - 1, logits.dim() + 1) > 3:
            mean = mean if mean.dim() > 3 else mean.unsqueeze(1)
            root = root if root.dim() > 4 else root.unsqueeze(1)
            logits = logits if logits.dim() > 2 else logits.unsqueeze(1)
            near = None if near is None else near.unsqueeze(1)
            mean = mean.expand(len(mean), *torch.broadcast_shapes(mean.shape[1:-2], lead), *mean.shape[-2:])
        return LaplaceEvidence(self.rows, density, mean, root, logits, near)

    def _density(self, fixed: Tensor | None, parameters: Mapping[str, Tensor]) -> LogDensity:
        """From what tasks' own weights predict to the log-likelihood of each cell."""
        program, batch = self.program, self.batch
        shift = batch.shift.index_select(0, batch.task).squeeze(-1)
        spread = batch.spread.index_select(0, batch.task).squeeze(-1)
        rows = program.fixed_rows(batch)
        if fixed is not None and rows is not None:
            effect = rows @ fixed.reshape(*fixed.shape[:-3], *fixed.shape[-2:]).to(rows.dtype)
            shift = shift + spread * effect.squeeze(-1)
        if batch.offset is not None:
            shift = shift + batch.offset

        def density(predictor: Tensor) -> Tensor:
            f = (shift + spread * predictor).unsqueeze(-1)
            log: Tensor = program.likelihood.distribution(f, batch, parameters).log_prob(batch.y)
            return log * batch.scale

        return density

    def __call__(self) -> None:
        evidence = self.evidence()
        log = evidence.log()
        self._near = evidence.best()
        with pyro.plate("evidence_of_tasks", self.dims.tasks, dim=-1):
            pyro.factor("evidence", log)
