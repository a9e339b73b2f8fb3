"""Gaussian evidence of tasks with their weights integrated out, from sufficient statistics."""

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from bayes_mtl.data import Statistics
from bayes_mtl.priors import Moments


@dataclass(frozen=True, eq=False)
class Evidence:
    """Evidence of every task, and what draws its weights exactly.

    Attributes
    ----------
    log
        ``[..., tasks]``: log evidence of each task (one entry for all where tasks are correlated).
    component
        ``[..., tasks, components]``: log weight plus log evidence of each component, or None.
    center, precision, root, mean
        White posterior of ``z`` in ``w = mean + root z``: ``z ~ N(precision^-1 center, precision^-1)``;
        ``precision`` is held as its Cholesky factor.
    """

    log: Tensor
    component: Tensor | None
    center: Tensor
    precision: Tensor
    root: Tensor
    mean: Tensor

    def draw(self) -> Tensor:
        """One exact draw of the weights for every leading index, ``[..., tasks, features]``."""
        noise = torch.randn_like(self.center)
        solved = torch.linalg.solve_triangular(self.precision, self.center.unsqueeze(-1), upper=False)
        white = torch.linalg.solve_triangular(self.precision.mT, solved + noise.unsqueeze(-1), upper=True)
        weights = self.mean + (self.root @ white).squeeze(-1)
        if self.component is None:
            return weights
        chosen = torch.distributions.Categorical(logits=self.component).sample()
        index = chosen[..., None, None].expand(*chosen.shape, 1, weights.shape[-1])
        return weights.gather(-2, index).squeeze(-2)


def evidence(statistics: Statistics, moments: Moments, fixed: Tensor | None, noise: Tensor | float) -> Evidence:
    r"""Log evidence of ``r = X w + X_f b + sigma e`` with ``w ~ N(m, R R')`` integrated out.

    In the white weights ``z`` (``w = m + R z``) with ``A = I + R' X'X R / sigma^2`` and
    ``h = R' X'(r - X m) / sigma^2``,
    ``log p = -[n log 2 pi sigma^2 + log|A| + S - h' A^-1 h] / 2``: no covariance is inverted, so zero
    spread (pooled tasks) is no special case. Bakker and Heskes (JMLR 2003), equation 3.

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
    size = moments.mean.shape[-2]
    inverse = 1.0 / torch.as_tensor(noise, dtype=statistics.xx.dtype).square()
    xx, xy, yy = statistics.xx[:, :size, :size], statistics.xy[:, :size], statistics.yy
    if fixed is not None:
        effect = fixed.squeeze(-1).to(xx.dtype)
        cross, own = statistics.xx[:, :size, size:], statistics.xx[:, size:, size:]
        yy = yy - 2 * (effect * statistics.xy[:, size:]).sum(-1)
        yy = yy + (effect * (own @ effect.unsqueeze(-1)).squeeze(-1)).sum(-1)
        xy = xy - (cross @ effect.unsqueeze(-1)).squeeze(-1)
    mean, root = moments.mean.squeeze(-1).to(xx.dtype), moments.root().squeeze(-3).to(xx.dtype)
    mixture = moments.logits is not None
    if mixture:
        xx, xy, yy, inverse = xx.unsqueeze(-3), xy.unsqueeze(-2), yy.unsqueeze(-1), inverse.unsqueeze(-1)
    if moments.tasks is not None:
        return _dense(xx, xy, yy, mean, root, moments.tasks.to(xx.dtype), inverse, statistics)
    shifted = (xx @ mean.unsqueeze(-1)).squeeze(-1)
    residual = yy - 2 * (mean * xy).sum(-1) + (mean * shifted).sum(-1)
    center = inverse.unsqueeze(-1) * (root.mT @ (xy - shifted).unsqueeze(-1)).squeeze(-1)
    precision = inverse[..., None, None] * (root.mT @ xx @ root)
    precision = precision + torch.eye(root.shape[-1], dtype=xx.dtype, device=xx.device)
    factor = torch.linalg.cholesky(precision)
    solved = torch.linalg.solve_triangular(factor, center.unsqueeze(-1), upper=False).squeeze(-1)
    n, logs = statistics.n, statistics.log_precision
    if mixture:
        n, logs = n.unsqueeze(-1), logs.unsqueeze(-1)
    log = logs - n * (math.log(2 * math.pi) - inverse.log())
    log = 0.5 * (log - inverse * residual + solved.square().sum(-1))
    log = log - factor.diagonal(dim1=-2, dim2=-1).log().sum(-1)
    component = None
    if moments.logits is not None:
        component = moments.logits.to(xx.dtype) + log
        log = component.logsumexp(-1)
    return Evidence(log, component, center, factor, root, mean)


def _dense(
    xx: Tensor,
    xy: Tensor,
    yy: Tensor,
    mean: Tensor,
    root: Tensor,
    tasks: Tensor,
    inverse: Tensor,
    statistics: Statistics,
) -> Evidence:
    """Evidence of all tasks together, correlated by ``tasks``: one system of ``tasks * features``."""
    number, size = xy.shape
    shifted = (xx @ mean.unsqueeze(-1)).squeeze(-1)
    residual = (inverse * (yy - 2 * (mean * xy).sum(-1) + (mean * shifted).sum(-1))).expand(
        torch.broadcast_shapes(inverse.shape, mean.shape[:-1], yy.shape)
    )
    # w[t] = m + R sum_s T[t, s] z[s]
    pulled = (root.mT @ (inverse.unsqueeze(-1) * (xy - shifted)).unsqueeze(-1)).squeeze(-1)
    between = tasks if tasks.dim() == 2 else tasks.squeeze(-3)
    center = (between.mT @ pulled).flatten(-2)
    blocks = inverse[..., None, None] * (root.mT @ xx @ root)
    precision = torch.einsum("...ta,...tij,...tb->...aibj", between, blocks, between)
    precision = precision.reshape(*precision.shape[:-4], number * size, number * size)
    precision = precision + torch.eye(number * size, dtype=xx.dtype, device=xx.device)
    factor = torch.linalg.cholesky(precision)
    solved = torch.linalg.solve_triangular(factor, center.unsqueeze(-1), upper=False).squeeze(-1)
    log = (statistics.log_precision - statistics.n * (math.log(2 * math.pi) - inverse.log())).sum(-1)
    log = 0.5 * (log - residual.sum(-1) + solved.square().sum(-1))
    log = log - factor.diagonal(dim1=-2, dim2=-1).log().sum(-1)
    root = root.expand(*root.shape[:-3], number, *root.shape[-2:]) if root.dim() > 2 else root.expand(number, -1, -1)
    spread = torch.einsum("...ts,...tij->...tisj", between, root)
    spread = spread.reshape(*spread.shape[:-4], number * size, number * size)
    everywhere = mean.expand(*mean.shape[:-2], number, size) if mean.dim() > 1 else mean.expand(number, size)
    return Evidence(log.unsqueeze(-1), None, center, factor, spread, everywhere.flatten(-2))
