"""In which order messages pass through many trees at once."""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor


@dataclass(frozen=True, eq=False)
class Forest:
    """Trees over the same leaves, their nodes numbered through, sorted into generations.

    Attributes
    ----------
    parent
        ``[trees, nodes]``: each node's parent; roots, and nodes that are in no tree, have ``nodes`` there.
    leaves
        Flat numbers of all leaves.
    ups
        From the leaves up, a generation at a time: flat numbers ``[3, ...]`` of nodes and their two children.
    downs
        From the roots down: flat numbers ``[3, ...]`` of nodes, their parents and their siblings.
    roots
        Flat numbers of the nodes without a parent.
    """

    parent: Tensor
    leaves: Tensor
    ups: tuple[Tensor, ...]
    downs: tuple[Tensor, ...]
    roots: Tensor

    @classmethod
    def of(cls, children: np.ndarray) -> "Forest":
        """The forest of ``children [trees, mergers, 2]``; a merger that is in no tree has -1 there.

        Every merger comes after those below it.
        """
        trees, mergers = children.shape[:2]
        nodes = 2 * mergers + 1
        every = np.arange(trees)
        used = children[..., 0] >= 0
        height = np.zeros((trees, nodes), dtype=np.int64)
        parent = np.full((trees, nodes + 1), nodes)  # the last column takes what is in no tree
        sibling = np.full((trees, nodes + 1), nodes)
        for k in range(mergers):
            left, right = children[:, k, 0], children[:, k, 1]
            height[:, mergers + 1 + k] = 1 + np.maximum(height[every, left], height[every, right])
            for one, other in ((left, right), (right, left)):
                parent[every, one], sibling[every, one] = mergers + 1 + k, other
            parent[:, nodes], sibling[:, nodes] = nodes, nodes
        parent, sibling = parent[:, :nodes], sibling[:, :nodes]
        depth = np.zeros((trees, nodes + 1), dtype=np.int64)
        for k in range(mergers - 1, -1, -1):
            up = parent[:, mergers + 1 + k]
            depth[:, mergers + 1 + k] = np.where(up < nodes, 1 + depth[every, up], 0)
        leaf = np.arange(mergers + 1)
        depth[:, leaf] = np.where(parent[:, leaf] < nodes, 1 + depth[every[:, None], parent[:, leaf]], 0)
        inside = np.concatenate([np.ones((trees, mergers + 1), dtype=bool), used], 1)
        start = every * nodes
        ups = []
        for level in range(1, int(height.max()) + 1):
            tree, node = np.nonzero((height == level) & inside)
            pair = children[tree, node - mergers - 1] + start[tree, None]
            ups.append(torch.from_numpy(np.stack([start[tree] + node, pair[:, 0], pair[:, 1]])))
        downs = []
        for level in range(1, int(depth.max()) + 1):
            tree, node = np.nonzero(depth[:, :nodes] == level)
            at = start[tree]
            own = np.stack([at + node, at + parent[tree, node], at + sibling[tree, node]])
            downs.append(torch.from_numpy(own))
        top = np.nonzero(((parent == nodes) & inside).ravel())[0]
        return cls(
            parent=torch.from_numpy(parent.copy()),
            leaves=torch.from_numpy((start[:, None] + leaf).ravel()),
            ups=tuple(ups),
            downs=tuple(downs),
            roots=torch.from_numpy(top),
        )

    def durations(self, tree: Tensor, kappa: Tensor) -> Tensor:
        """Time from each node to its parent, ``[trees, nodes]``; ``kappa`` for the roots.

        Parameters
        ----------
        tree
            ``[trees, mergers, 3]``, read for its times alone.
        kappa
            ``[trees]``.
        """
        time = torch.cat([tree.new_zeros(len(tree), tree.shape[1] + 1), tree[..., 2]], -1)
        above = torch.cat([time, time[:, :1]], -1).gather(-1, self.parent)
        alone = self.parent == time.shape[1]
        return torch.where(alone, kappa.unsqueeze(-1), above - time)
