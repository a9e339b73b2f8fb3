"""Gaussian evidence of tasks with their weights integrated out, and exact draws of the weights."""

from dataclasses import dataclass

import torch
from torch import Tensor

from bayes_mtl.data import Statistics
from bayes_mtl.inference._dense_evidence import DenseEvidence
from bayes_mtl.inference._log_evidence import log_evidence
from bayes_mtl.inference._task_sums import TaskSums
from bayes_mtl.inference._white_system import white_system
from bayes_mtl.priors import Moments


@dataclass(frozen=True, eq=False)
class Evidence:
    """Tasks that are independent given the hyperparameters.

    Attributes
    ----------
    sums, mean, root, inverse
        Sums of the tasks, and ``[..., tasks or 1, (components,) ...]``: mean and root of the weights'
        prior, inverse of the noise variance.
    logits
        Log weights of a mixture's components, or None.
    """

    sums: TaskSums
    mean: Tensor
    root: Tensor
    inverse: Tensor
    logits: Tensor | None

    @property
    def arguments(self) -> tuple[Tensor, ...]:
        """Arguments of the closed form, with an axis of components where there are any."""
        sums, inverse = self.sums, self.inverse
        if self.logits is None:
            return sums.xx, sums.xy, sums.yy, sums.n, self.mean, self.root, inverse
        return (
            sums.xx.unsqueeze(-3), sums.xy.unsqueeze(-2), sums.yy.unsqueeze(-1), sums.n.unsqueeze(-1),
            self.mean, self.root, inverse.unsqueeze(-1),
        )  # fmt: skip

    def component(self) -> Tensor:
        """``[..., tasks, components]``: log weight plus log evidence of each component of a mixture."""
        log = log_evidence(*self.arguments) + 0.5 * self.sums.log_precision.unsqueeze(-1)
        return log if self.logits is None else self.logits.to(log.dtype) + log

    def log(self) -> Tensor:
        """Log evidence of each task, ``[..., tasks]``."""
        if self.logits is not None:
            return self.component().logsumexp(-1)
        return log_evidence(*self.arguments) + 0.5 * self.sums.log_precision

    def left_out(self) -> Tensor:
        """Log evidence of each task given the rows of all others, which say nothing more of it."""
        return self.log()

    def draw(self, number: int) -> Tensor:
        """Exact draws of the weights, ``[number, ..., tasks, features]``."""
        xx, xy, yy, _, mean, root, inverse = self.arguments
        system = white_system(xx, xy, yy, mean, root, inverse)
        pulled = system.center
        factor = torch.linalg.cholesky(system.precision)
        white = torch.cholesky_solve(pulled.unsqueeze(-1), factor)
        center = mean + (root @ white).squeeze(-1)
        identity = torch.eye(factor.shape[-1], dtype=factor.dtype, device=factor.device)
        spread = root @ torch.linalg.solve_triangular(factor.mT, identity, upper=True)
        # Noise of its own for every draw of the hyperparameters, whichever of the parts depend on them.
        component = None if self.logits is None else self.component()
        shape = pulled.shape if component is None else (*component.shape, pulled.shape[-1])
        noise = torch.randn(*shape, number, dtype=spread.dtype, device=spread.device)
        weights = (center.unsqueeze(-1) + spread @ noise).movedim(-1, 0)
        if component is None:
            return weights
        chosen = torch.distributions.Categorical(logits=component).sample(torch.Size([number]))
        index = chosen[..., None, None].expand(*chosen.shape, 1, weights.shape[-1])
        return weights.gather(-2, index).squeeze(-2)


def prior_arguments(
    moments: Moments, noise: Tensor | float, dtype: torch.dtype
) -> tuple[Tensor, Tensor, Tensor]:
    """Mean and root of one output's weights, and the inverse of the noise variance."""
    inverse = 1.0 / torch.as_tensor(noise, dtype=dtype).square()
    return moments.mean.squeeze(-1).to(dtype), moments.root().squeeze(-3).to(dtype), inverse


def evidence(
    statistics: Statistics, moments: Moments, fixed: Tensor | None, noise: Tensor | float
) -> Evidence | DenseEvidence:
    """Evidence of ``r = X w + X_f b + sigma e`` with the weights ``w`` integrated out.

    Parameters
    ----------
    statistics
        Of the varying features first, then the fixed ones.
    moments
        Of a prior with one output; ``[..., tasks or 1, (components,) features, 1]``.
    fixed
        ``[..., 1, fixed features, 1]`` or None.
    noise
        Standardised noise sd, ``[..., tasks or 1]``; 1 where the statistics hold the precision.
    """
    dtype = statistics.xx.dtype
    sums = TaskSums.without_fixed(statistics, moments.mean.shape[-2], fixed)
    mean, root, inverse = prior_arguments(moments, noise, dtype)
    if moments.tasks is not None:
        between = moments.tasks if moments.tasks.dim() == 2 else moments.tasks.squeeze(-3)
        return DenseEvidence(sums, mean, root, inverse, between.to(dtype))
    return Evidence(sums, mean, root, inverse, moments.logits)
