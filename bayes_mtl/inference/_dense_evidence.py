"""Evidence of tasks that are correlated given the hyperparameters."""

import math
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from bayes_mtl.inference._task_sums import TaskSums


@dataclass(frozen=True, eq=False)
class DenseEvidence:
    """Tasks that are correlated by ``between [..., tasks, tasks]``: one system of ``tasks * features``."""

    sums: TaskSums
    mean: Tensor
    root: Tensor
    inverse: Tensor
    between: Tensor

    def _system(self) -> tuple[Tensor, Tensor, Tensor]:
        """Weighted residual sum of squares of each task, and the white posterior's factor and center."""
        xx, xy, yy = self.sums.xx, self.sums.xy, self.sums.yy
        tasks, size = xy.shape[-2:]
        shifted = (xx @ self.mean.unsqueeze(-1)).squeeze(-1)
        residual = self.inverse * (yy - 2 * (self.mean * xy).sum(-1) + (self.mean * shifted).sum(-1))
        # w[t] = m + R sum_s B[t, s] z[s]
        pulled = (self.root.mT @ (self.inverse.unsqueeze(-1) * (xy - shifted)).unsqueeze(-1)).squeeze(-1)
        center = (self.between.mT @ pulled).flatten(-2)
        blocks = self.inverse[..., None, None] * (self.root.mT @ xx @ self.root)
        precision = torch.einsum("...ta,...tij,...tb->...aibj", self.between, blocks, self.between)
        precision = precision.reshape(*precision.shape[:-4], tasks * size, tasks * size)
        precision = precision + torch.eye(tasks * size, dtype=xx.dtype, device=xx.device)
        return residual, torch.linalg.cholesky(precision), center

    def log(self) -> Tensor:
        """Log evidence of all tasks together, ``[..., 1]``."""
        residual, factor, center = self._system()
        solved = torch.linalg.solve_triangular(factor, center.unsqueeze(-1), upper=False).squeeze(-1)
        log = self.sums.log_precision - self.sums.n * (math.log(2 * math.pi) - self.inverse.log())
        log = 0.5 * ((log - residual).sum(-1) + solved.square().sum(-1))
        return (log - factor.diagonal(dim1=-2, dim2=-1).log().sum(-1)).unsqueeze(-1)

    def left_out(self) -> Tensor:
        """Log evidence of each task given the rows of all others, ``[..., tasks]``."""
        every = range(self.sums.n.shape[-1])
        others = [replace(self, sums=self.sums.without_rows(t)).log() for t in every]
        return self.log() - torch.cat(others, -1)

    def draw(self, number: int) -> Tensor:
        """Exact draws of the weights, ``[number, ..., tasks, features]``."""
        _, factor, center = self._system()
        tasks, size = self.sums.xy.shape[-2:]
        solved = torch.linalg.solve_triangular(factor, center.unsqueeze(-1), upper=False)
        noise = torch.randn(*center.shape, number, dtype=center.dtype, device=center.device)
        white = torch.linalg.solve_triangular(factor.mT, solved + noise, upper=True).movedim(-1, 0)
        white = white.reshape(*white.shape[:-1], tasks, size)
        return self.mean + (self.root @ (self.between @ white).unsqueeze(-1)).squeeze(-1)
