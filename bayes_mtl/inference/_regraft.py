"""Prune a subtree of each of several trees and graft it elsewhere: the move between topologies."""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from bayes_mtl.distributions import Forest, added, marginals, push, upward

_TINY = 1e-12


def regraft(
    tree: np.ndarray, leaves: Tensor, kappa: Tensor, candidates: int, random: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """One exact update of each tree: a subtree chosen at random is cut off and attached anew.

    Given the rest, the coalescent attaches a lineage at an exponential time, at a rate of one for each
    lineage of the rest then alive, and to any of these with equal probability. ``candidates - 1`` places are
    drawn from that, the present one is added, and one of all is taken with probability proportional to the
    evidence of the data. That leaves the posterior of the trees invariant (iterated sampling importance
    resampling: Andrieu, Lee and Vihola, Bernoulli 2018) and needs one pass of messages for all candidates.

    Parameters
    ----------
    tree
        ``[trees, mergers, 3]`` of `KingmanTree`'s form, float64.
    leaves
        White messages of the data, ``[trees, tasks, size, size + 1]``.
    kappa
        ``[trees]``, variance of the root.

    Returns
    -------
    The new trees, and which of them changed, ``[trees]``.
    """
    cut = _Cut.at_random(tree, random)
    branch, time = _places(cut, candidates - 1, random)
    branch = np.concatenate([cut.sibling[:, None], branch], 1)
    time = np.concatenate([cut.time[cut.every, cut.joint][:, None], time], 1)
    log = _log_evidence(cut, branch, time, leaves, kappa)
    log += random.gumbel(size=log.shape)  # the largest is a draw from the softmax
    chosen = log.argmax(1)
    return _joined(cut, branch[cut.every, chosen], time[cut.every, chosen]), chosen > 0


@dataclass(frozen=True, eq=False)
class _Cut:
    """Trees with a subtree cut off, and the merger above it taken out.

    Attributes
    ----------
    children, time, parent
        ``[trees, mergers, 2]`` (-1 for the merger taken out), ``[trees, nodes]``, and ``[trees, nodes]`` with
        ``nodes`` for the roots.
    subtree, sibling, joint
        Root of the subtree, its former sibling, and the merger taken out, ``[trees]``.
    rest
        ``[trees, nodes]``: nodes of the tree that is left.
    """

    children: np.ndarray
    time: np.ndarray
    parent: np.ndarray
    subtree: np.ndarray
    sibling: np.ndarray
    joint: np.ndarray
    rest: np.ndarray
    forest: Forest

    @property
    def every(self) -> np.ndarray:
        """Numbers of the trees."""
        return np.arange(len(self.time))

    @classmethod
    def at_random(cls, tree: np.ndarray, random: np.random.Generator) -> "_Cut":
        """Cut the branch above a node that is not the root."""
        number, mergers = tree.shape[:2]
        tasks, nodes, every = mergers + 1, 2 * mergers + 1, np.arange(number)
        children = tree[..., :2].astype(np.int64)
        time = np.concatenate([np.zeros((number, tasks)), tree[..., 2]], 1)
        subtree = random.integers(nodes - 1, size=number)
        above = (children == subtree[:, None, None]).any(-1)
        row = above.argmax(1)
        pair = children[every, row]
        sibling = np.where(pair[:, 0] == subtree, pair[:, 1], pair[:, 0])
        joint = tasks + row
        children[every, row] = -1
        children[children == joint[:, None, None]] = np.broadcast_to(sibling[:, None, None], children.shape)[
            children == joint[:, None, None]
        ]
        forest = Forest.of(children)
        below = np.zeros((number, nodes), dtype=bool)
        below[every, subtree] = True
        for k in range(mergers - 1, -1, -1):
            pair = children[:, k]
            own = below[:, tasks + k] & (pair[:, 0] >= 0)
            below[every, pair[:, 0]] |= own
            below[every, pair[:, 1]] |= own
        rest = ~below
        rest[every, joint] = False
        return cls(children, time, forest.parent.numpy(), subtree, sibling, joint, rest, forest)


def _places(cut: _Cut, number: int, random: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Branches and times from the coalescent given the rest, ``[trees, number]`` each."""
    trees, nodes = cut.time.shape
    tasks = (nodes + 1) // 2
    begin = cut.time[cut.every, cut.subtree][:, None]
    padded = np.concatenate([cut.time, np.full((trees, 1), np.inf)], 1)
    end = np.where(cut.rest, padded[cut.every[:, None], cut.parent], -np.inf)
    start = np.maximum(cut.time, begin)
    steps = np.where(cut.rest[:, tasks:], np.maximum(cut.time[:, tasks:], begin), begin)
    steps = np.sort(np.concatenate([begin, steps], 1), 1)
    # Time that all lineages together have lived until each step since the subtree's own beginning.
    lived = np.minimum(steps[:, :, None], end[:, None]) - start[:, None]
    lived = np.maximum(lived, 0.0).sum(-1)
    alive = ((start[:, None] <= steps[:, :, None]) & (steps[:, :, None] < end[:, None])).sum(-1)
    target = random.exponential(size=(trees, number))
    step = (lived[:, None] <= target[..., None]).sum(-1) - 1
    at = cut.every[:, None]
    time = steps[at, step] + (target - lived[at, step]) / alive[at, step]
    open_ = (start[:, None] <= time[..., None]) & (time[..., None] < end[:, None])
    branch = np.where(open_, random.random((trees, number, nodes)), -1.0).argmax(-1)
    return branch, time


def _log_evidence(
    cut: _Cut, branch: np.ndarray, time: np.ndarray, leaves: Tensor, kappa: Tensor
) -> np.ndarray:
    """Log evidence of the trees with the subtree at each place, up to a constant a tree."""
    trees, nodes = cut.time.shape
    tree = np.concatenate([cut.children, cut.time[:, nodes // 2 + 1 :, None]], -1)
    duration = cut.forest.durations(torch.from_numpy(tree), kappa)
    up = upward(cut.forest, duration, leaves)
    mean, covariance = marginals(cut.forest, duration, up)
    # Above a root stands the mean 0, which is known: one more node.
    mean = torch.cat([mean, mean.new_zeros(1, mean.shape[1])])
    covariance = torch.cat([covariance, torch.zeros_like(covariance[:1])])

    at = cut.every[:, None]
    parent = cut.parent[at, branch]
    root = parent == nodes
    below = torch.from_numpy((at * nodes + branch).ravel())
    above = torch.from_numpy(np.where(root, trees * nodes, at * nodes + parent).ravel())
    subtree = torch.from_numpy(np.broadcast_to(at * nodes + cut.subtree[:, None], branch.shape).ravel())
    up_to = torch.from_numpy((time - cut.time[at, branch]).ravel())
    top = cut.time[at, np.where(root, 0, parent)]
    onward = torch.where(
        torch.from_numpy(root.ravel()),
        kappa.repeat_interleave(branch.shape[1]),
        torch.from_numpy((top - time).ravel()),
    )
    grown = torch.from_numpy((time - cut.time[at, cut.subtree[:, None]]).ravel())

    # Marginal of the place itself, given all data but the subtree's.
    here, _, factor = push(up.own[below], up_to)
    beyond, inverse, factor_beyond = push(here, onward)
    wide = onward[:, None, None]
    center = onward[:, None] * beyond[..., -1] + (inverse @ mean[above].unsqueeze(-1)).squeeze(-1)
    spread = wide * inverse + inverse @ covariance[above] @ inverse
    # What the subtree says there.
    said, _, factor_said = push(up.own[subtree], grown)
    log = _expected(said, center, spread) + added(up.own[subtree], said, factor_said, grown)
    # Above the root the whole tree grows.
    taller = added(up.own[below], here, factor, up_to) + added(here, beyond, factor_beyond, onward)
    taller = taller - up.constant[below]
    log = log + torch.where(torch.from_numpy(root.ravel()), taller, 0.0)
    return log.reshape(branch.shape).numpy()


def _expected(message: Tensor, mean: Tensor, covariance: Tensor) -> Tensor:
    """``log E exp(pull'v - v'precision v / 2)`` for ``v ~ N(mean, covariance)``."""
    precision, pull = message[..., :-1], message[..., -1:]
    identity = torch.eye(mean.shape[-1], dtype=mean.dtype)
    root = torch.linalg.cholesky(covariance + _TINY * identity)  # zero at a known root
    factor = torch.linalg.cholesky(identity + root.mT @ precision @ root)
    point = mean.unsqueeze(-1)
    pulled = precision @ point
    white = torch.linalg.solve_triangular(factor, root.mT @ (pull - pulled), upper=False)
    quadratic = (point * (pull - 0.5 * pulled)).sum((-2, -1)) + 0.5 * white.square().sum((-2, -1))
    return quadratic - factor.diagonal(dim1=-2, dim2=-1).log().sum(-1)


def _joined(cut: _Cut, branch: np.ndarray, time: np.ndarray) -> np.ndarray:
    """Put the subtree back, at one place for each tree, and number the mergers by time."""
    trees, mergers = cut.children.shape[:2]
    tasks, every = mergers + 1, cut.every
    children, times = cut.children.copy(), cut.time[:, tasks:].copy()
    joint = np.broadcast_to(cut.joint[:, None, None], children.shape)
    children = np.where(children == branch[:, None, None], joint, children)
    children[every, cut.joint - tasks] = np.stack([branch, cut.subtree], 1)
    times[every, cut.joint - tasks] = time
    order = times.argsort(1, kind="stable")
    number = np.broadcast_to(np.arange(tasks + mergers), (trees, tasks + mergers)).copy()
    number[every[:, None], tasks + order] = np.arange(tasks, tasks + mergers)
    children = number[every[:, None, None], children[every[:, None], order]]
    children.sort(-1)
    return np.concatenate([children, np.take_along_axis(times, order, 1)[..., None]], -1)
