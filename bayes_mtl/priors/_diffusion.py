"""Weights that diffused down a tree over the tasks."""

from dataclasses import dataclass

import torch
from torch import Tensor

from bayes_mtl.distributions import tree_kernel
from bayes_mtl.priors._moments import Moments


@dataclass(frozen=True, eq=False)
class Diffusion:
    """What a prior that diffuses weights down a tree says, given its hyperparameters.

    The root's weights are ``N(mean, kappa L)`` and a branch of duration ``d`` adds ``N(0, d L)``, with
    ``L = diag(scale) R diag(scale)``; tasks are the leaves.

    Attributes
    ----------
    mean, scale
        ``[..., features, outputs]``; outputs are independent given the tree.
    correlation
        Cholesky factor of ``R``, ``[..., features, features]``, or None for independent features.
    tree
        ``[..., tasks - 1, 3]``, of `KingmanTree`'s form.
    kappa
        ``[...]`` or a number, not negative.
    """

    mean: Tensor
    scale: Tensor
    correlation: Tensor | None
    tree: Tensor
    kappa: Tensor | float

    def root(self) -> Tensor:
        """Square root of ``L`` for each output, ``[..., outputs, features, features]``."""
        return Moments(self.mean, self.scale, self.correlation).root()

    def moments(self) -> Moments:
        """Mean and covariance of the leaves, internal nodes integrated out."""
        # Short branches above leaves make the kernel singular in single precision.
        kappa = self.kappa.double() if isinstance(self.kappa, Tensor) else self.kappa
        between = torch.linalg.cholesky(tree_kernel(self.tree.double(), kappa)).to(self.mean.dtype)
        return Moments(self.mean, self.scale, self.correlation, tasks=between)
