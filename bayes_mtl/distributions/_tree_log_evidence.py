"""Log evidence of a tree with all nodes integrated out, with its gradient in closed form."""

from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from bayes_mtl.distributions._forest import Forest
from bayes_mtl.distributions._tree_passes import marginals, upward


class TreeLogEvidence(torch.autograd.Function):
    """Log evidence ``[trees]`` of durations ``[trees, nodes]`` and the leaves' messages, see `upward`.

    White coordinates: the root is ``N(0, duration I)``. The gradient comes from the nodes' marginals in one
    pass down: that of a leaf's message is a moment of the leaf, and that of a duration is half the
    expected Laplacian of the message after the branch, for a message solves the heat equation.
    """

    @staticmethod
    def forward(ctx: Any, forest: Forest, duration: Tensor, leaves: Tensor) -> Tensor:
        up = upward(forest, duration, leaves)
        ctx.forest, ctx.up = forest, up
        ctx.save_for_backward(duration)
        return up.log(len(duration))

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Any, ...]:
        duration: Tensor = ctx.saved_tensors[0]
        (gradient,) = gradients
        forest, up = ctx.forest, ctx.up
        mean, covariance = marginals(forest, duration, up)
        trees, nodes = duration.shape
        size = mean.shape[-1]
        # At the parent; above a root stands the known mean 0.
        center, spread = torch.zeros_like(mean), torch.zeros_like(covariance)
        at, parent, _ = torch.cat(forest.downs, -1)
        center[at], spread[at] = mean[parent], covariance[parent]
        precision, pull = up.above[..., :-1], up.above[..., -1]
        left = pull - (precision @ center.unsqueeze(-1)).squeeze(-1)
        laplacian = left.square().sum(-1) + ((precision @ spread) * precision).sum((-2, -1))
        laplacian = laplacian - precision.diagonal(dim1=-2, dim2=-1).sum(-1)
        for_duration = 0.5 * laplacian.reshape(trees, nodes) * gradient.unsqueeze(-1)
        leaf = mean[forest.leaves].unsqueeze(-1)
        for_precision = -0.5 * (covariance[forest.leaves] + leaf @ leaf.mT)
        for_leaves = torch.cat([for_precision, leaf], -1).reshape(trees, -1, size, size + 1)
        return None, for_duration, gradient[:, None, None, None] * for_leaves
