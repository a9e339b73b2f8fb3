"""Gaussian messages up a forest, and the marginals of its nodes on the way down."""

from dataclasses import dataclass

import torch
from torch import Tensor

from bayes_mtl.distributions._forest import Forest


@dataclass(frozen=True, eq=False)
class Upward:
    """What the leaves below each node say, in the coordinates in which the diffusion is white.

    A message about a node's value ``v`` is ``exp(pull'v - v'precision v / 2)`` up to a constant; precision
    and pull are kept side by side, ``[nodes, size, size + 1]``. The axis of nodes of all trees is first.

    Attributes
    ----------
    own, above
        The message at the node itself, and after the branch above it (for a root: after the root's own
        variance).
    inverse, factor
        ``(I + duration precision)^-1`` of the branch above the node, and the Cholesky factor of what it
        inverts (the identity for nodes that are in no tree).
    constant
        ``[nodes]``: what the branch above the node adds to the log of the message.
    """

    own: Tensor
    above: Tensor
    inverse: Tensor
    factor: Tensor
    constant: Tensor

    def log(self, trees: int) -> Tensor:
        """Log evidence of each tree, ``[trees]``, with roots around 0."""
        return self.constant.reshape(trees, -1).sum(-1)


def push(own: Tensor, duration: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """A message ``[..., size, size + 1]`` after a branch: the message, the inverse and the factor.

    ``integral N(w; v, duration I) exp(pull'w - w'precision w / 2) dw`` as a function of ``v``; neither a
    singular precision nor a duration of zero is a special case. Where numbers overflow it is not a number.
    """
    identity = torch.eye(own.shape[-2], dtype=own.dtype)
    inside = torch.addcmul(identity, duration[..., None, None], own[..., :-1])
    factor, failed = torch.linalg.cholesky_ex(inside)
    if failed.any():
        factor.masked_fill_((failed > 0)[..., None, None], torch.nan)
    inverse = torch.cholesky_inverse(factor)
    return inverse @ own, inverse, factor


def added(own: Tensor, above: Tensor, factor: Tensor, duration: Tensor) -> Tensor:
    """What a branch adds to the log of a message: the integral's constant.

    ``own`` and ``above``, ``[..., size, size + 1]``, are the message before and after the branch, ``factor``
    is what `push` returned with the latter, and ``duration [...]`` the branch's.
    """
    log_det = factor.diagonal(dim1=-2, dim2=-1).log().sum(-1)
    return 0.5 * duration * (own[..., -1] * above[..., -1]).sum(-1) - log_det


def upward(forest: Forest, duration: Tensor, leaves: Tensor) -> Upward:
    """Pass the leaves' messages up.

    Parameters
    ----------
    forest, duration
        Of the branches above all nodes, ``[trees, nodes]``.
    leaves
        Their messages, ``[trees, leaves, size, size + 1]``.
    """
    duration = duration.reshape(-1)
    nodes, size = duration.shape[0], leaves.shape[-2]
    own = leaves.new_zeros(nodes, size, size + 1)
    above, inverse = torch.zeros_like(own), torch.zeros_like(own[..., 1:])
    factor = torch.eye(size, dtype=leaves.dtype).repeat(nodes, 1, 1)
    message = leaves.reshape(-1, size, size + 1)
    at = forest.leaves
    own[at] = message
    above[at], inverse[at], factor[at] = push(message, duration[at])
    for at, left, right in forest.ups:
        message = above[left] + above[right]
        own[at] = message
        above[at], inverse[at], factor[at] = push(message, duration[at])
    return Upward(own, above, inverse, factor, added(own, above, factor, duration))


def marginals(forest: Forest, duration: Tensor, up: Upward) -> tuple[Tensor, Tensor]:
    """Posterior mean ``[nodes, size]`` and covariance ``[nodes, size, size]`` of every node."""
    wide = duration.reshape(-1, 1, 1)
    found = torch.cat([wide * up.inverse, wide * up.above[..., -1:]], -1)  # given the parent at 0
    for at, parent, _ in forest.downs:
        inverse = up.inverse[at]
        moved = inverse @ found[parent]
        found.index_add_(0, at, torch.cat([moved[..., :-1] @ inverse, moved[..., -1:]], -1))
    return found[..., -1], found[..., :-1]


def draw(forest: Forest, duration: Tensor, up: Upward) -> Tensor:
    """One exact draw of every node's value, ``[nodes, size]``."""
    duration = duration.reshape(-1, 1)
    noise = torch.randn_like(up.above[..., -1:])
    noise = torch.linalg.solve_triangular(up.factor.mT, noise, upper=True).squeeze(-1)
    value = duration * up.above[..., -1] + duration.sqrt() * noise
    for at, parent, _ in forest.downs:
        value[at] += (up.inverse[at] @ value[parent].unsqueeze(-1)).squeeze(-1)
    return value
