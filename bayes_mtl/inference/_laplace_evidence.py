"""Evidence of tasks with their weights integrated out around their modes, and draws of these."""

import math
from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor

from bayes_mtl.inference._curved import LogDensity, curved
from bayes_mtl.inference._rows_by_task import RowsByTask
from bayes_mtl.inference._small_systems import backward_solved
from bayes_mtl.inference._white_modes import WhiteModes, white_modes, white_precision
from bayes_mtl.inference._white_system import times

_FREEDOM = 7.0
"""Of the Student-t around a mode: tails where a likelihood that says little leaves the prior's."""


@dataclass(frozen=True, eq=False)
class LaplaceEvidence:
    """Tasks that are independent given the hyperparameters, whatever the likelihood.

    The components of a mixture are the first axis, left of the draws of the hyperparameters.

    Attributes
    ----------
    rows, density
        Of the tasks.
    mean, root
        Of the weights' prior: ``[(components,) ..., tasks or 1, features]`` and ``[..., features, columns]``.
    logits
        ``[components, ..., tasks or 1]``, log weights of a mixture's components, or None.
    near
        ``[(components,) ..., tasks, features]``: weights from which the modes are not far, or None.
    """

    rows: RowsByTask
    density: LogDensity
    mean: Tensor
    root: Tensor
    logits: Tensor | None
    near: Tensor | None = None

    @cached_property
    def modes(self) -> WhiteModes:
        """Of the white weights."""
        return white_modes(self.rows, self.density, self.mean, self.root, self.near)

    def log(self) -> Tensor:
        """Log evidence of each task by Laplace's approximation, ``[..., tasks]``; exact for Gaussian rows.

        Its gradient, where one is asked for, is exact too: that of the mode comes from one more step, whose
        Hessian is kept (the implicit function theorem).
        """
        if torch.is_grad_enabled() and (self.mean.requires_grad or self.root.requires_grad or self._learns()):
            value = self._differentiable()
        else:
            value = self.modes.value - self._half_log_det(self.modes.factor)
        return self._together(value)

    def best(self) -> Tensor:
        """Weights of the mode at the best of several draws, ``[(components,) tasks, features]``."""
        white, value, _ = self.modes
        weights = self.mean + times(white.unsqueeze(-2), self.root.mT).squeeze(-2)
        mixed = self.logits is not None
        each = (
            value.sum(-1).flatten(int(mixed), -1) if value.dim() > 1 + mixed else value.sum(-1, keepdim=True)
        )
        weights = weights.reshape(*each.shape, *weights.shape[-2:])
        index = each.sum(0).argmax() if mixed else each.argmax()
        return (weights[:, index] if mixed else weights[index]).detach()

    def corrected(self, proposals: int) -> tuple[Tensor, Tensor]:
        """Unbiased evidence, and weights drawn with it.

        Returns
        -------
        Tensor
            ``[..., tasks]``: log of an unbiased estimate of each task's evidence by importance sampling
            from a Student-t around each mode, in pairs that mirror one another.
        Tensor
            ``[..., tasks, features]``: for each task one of the proposals, chosen by its weight.

        References
        ----------
        Tran, Scharth, Pitt and Kohn, Importance sampling squared (2013): with such estimates in place of
        the evidence, draws of hyperparameters and weights together are those of the exact posterior.
        """
        # A pair at a time: so much is in a cache as for one evaluation.
        pairs = [self._pair() for _ in range(max(1, proposals // 2))]
        weights, log = (torch.cat(part) for part in zip(*pairs, strict=True))
        size = len(log)
        evidence = self._together(log.logsumexp(0) - math.log(size))
        if self.logits is not None:  # the proposals of all components are one choice
            log = log + self.logits
            log, weights = log.flatten(0, 1), weights.flatten(0, 1)
        log = torch.where(log.isneginf().all(0), 0.0, log)  # no weight at all: neither has the draw
        chosen = torch.distributions.Categorical(logits=log.movedim(0, -1)).sample()
        index = chosen[None, ..., None].expand(1, *weights.shape[1:])
        return evidence, weights.gather(0, index).squeeze(0)

    def _pair(self) -> tuple[Tensor, Tensor]:
        """Weights ``[2, ..., tasks, features]`` on both sides of the modes, and their log weights."""
        mode, _, factor = self.modes
        columns, nu = mode.shape[-1], _FREEDOM
        noise = torch.randn(columns, *mode.shape[:-1], dtype=mode.dtype)
        chi = torch.distributions.Chi2(torch.tensor(nu, dtype=mode.dtype)).sample(noise.shape[1:])
        noise = noise * (nu / chi).sqrt()
        moved = backward_solved(factor, noise).movedim(0, -1)
        white = torch.stack([mode + moved, mode - moved])
        weights = self.mean + times(white.unsqueeze(-2), self.root.mT).squeeze(-2)
        rows = self.rows.totals(self.density(self.rows.predictor(weights)))
        target = rows - 0.5 * white.square().sum(-1) - columns / 2 * math.log(2 * math.pi)
        constant = (
            math.lgamma((nu + columns) / 2) - math.lgamma(nu / 2) - columns / 2 * math.log(nu * math.pi)
        )
        proposed = constant - (nu + columns) / 2 * (noise.square().sum(0) / nu).log1p()
        log = target - proposed - self._half_log_det(factor)
        return weights, log.nan_to_num(nan=-math.inf, posinf=-math.inf, neginf=-math.inf)

    def _together(self, value: Tensor) -> Tensor:
        """Of the components of a mixture."""
        return value if self.logits is None else (self.logits + value).logsumexp(0)

    def _differentiable(self) -> Tensor:
        mode, _, factor = self.modes
        weights = self.mean + times(mode.unsqueeze(-2), self.root.mT).squeeze(-2)
        slope = curved(self.density, self.rows.predictor(weights), differentiable=True).slope
        gradient = times(self.rows.sums(slope).unsqueeze(-2), self.root).squeeze(-2) - mode
        full = factor.movedim((0, 1), (-2, -1))
        white = mode + torch.cholesky_solve(gradient.unsqueeze(-1), full).squeeze(-1)
        weights = self.mean + times(white.unsqueeze(-2), self.root.mT).squeeze(-2)
        found = curved(self.density, self.rows.predictor(weights), differentiable=True)
        system = white_precision(self.rows, found.curvature, self.root).movedim((0, 1), (-2, -1))
        half_log_det = torch.linalg.cholesky(system).diagonal(dim1=-2, dim2=-1).log().sum(-1)
        return self.rows.totals(found.log) - 0.5 * white.square().sum(-1) - half_log_det

    def _learns(self) -> bool:
        """Whether the density itself depends on what is differentiated."""
        cells = len(self.rows.order)
        return bool(self.density(self.mean.new_zeros(cells)).requires_grad)

    @staticmethod
    def _half_log_det(factor: Tensor) -> Tensor:
        return factor.diagonal(dim1=0, dim2=1).log().sum(-1)
