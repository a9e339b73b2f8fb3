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
        tasks, nodes = mergers + 1, 2 * mergers + 1
        every = np.arange(trees)
        # One column more, which -1 means too, takes what is in no tree.
        parent = np.full((trees, nodes + 1), nodes)
        sibling = np.full((trees, nodes + 1), nodes)
        at = every[:, None, None], children
        parent[at] = np.arange(tasks, nodes)[:, None]
        sibling[at] = children[..., ::-1]
        parent[:, nodes] = sibling[:, nodes] = nodes
        height = np.full((trees, nodes + 1), -1)
        height[:, :tasks] = 0
        for k in range(mergers):
            height[:, tasks + k] = 1 + height[every[:, None], children[:, k]].max(1)
        depth = np.full((trees, nodes + 1), -1)
        for k in range(mergers - 1, -1, -1):
            depth[:, tasks + k] = 1 + depth[every, parent[:, tasks + k]]
        depth[:, :tasks] = 1 + depth[every[:, None], parent[:, :tasks]]
        parent, sibling = parent[:, :nodes], sibling[:, :nodes]
        height, depth = height[:, :nodes], depth[:, :nodes]
        inside = np.ones((trees, nodes), dtype=bool)
        inside[:, tasks:] = children[..., 0] >= 0
        start = every * nodes
        ups = []
        for level in range(1, int(height.max()) + 1):
            tree, node = np.nonzero((height == level) & inside)
            pair = children[tree, node - tasks] + start[tree, None]
            ups.append(torch.from_numpy(np.stack([start[tree] + node, pair[:, 0], pair[:, 1]])))
        downs = []
        for level in range(1, int(depth.max()) + 1):
            tree, node = np.nonzero((depth == level) & inside)
            at = start[tree]
            own = np.stack([at + node, at + parent[tree, node], at + sibling[tree, node]])
            downs.append(torch.from_numpy(own))
        top = np.nonzero(((parent == nodes) & inside).ravel())[0]
        return cls(
            parent=torch.from_numpy(parent.copy()),
            leaves=torch.from_numpy((start[:, None] + np.arange(tasks)).ravel()),
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
