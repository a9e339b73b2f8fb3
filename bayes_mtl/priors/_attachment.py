"""Where a new task joins a tree of fitted ones."""

import torch
from torch import Tensor

from bayes_mtl.distributions import lca_times


class Attachment:
    r"""Points at which further leaves join given trees under Kingman's coalescent.

    A new lineage meets each of the ``k`` others at rate 1: its time of attachment has the hazard ``k(t)``,
    also beyond the root, where one lineage is left; which one it meets is uniform. Both are drawn by
    inverting the distribution functions at uniform numbers. Several new leaves join independently.

    Parameters
    ----------
    tree
        ``[..., tasks - 1, 3]``, of `KingmanTree`'s form.
    uniform
        ``[..., new, 2]``, from the unit interval: for the times and for the lineages.

    Attributes
    ----------
    time
        ``[..., new]``.
    leaf
        ``[..., new]``: a task below the point of attachment, the one with the smallest number.
    """

    def __init__(self, tree: Tensor, uniform: Tensor) -> None:
        tree, uniform = tree.double(), uniform.double()
        self.tree, tasks = tree, tree.shape[-2] + 1
        merger = tree[..., 2]
        start = torch.cat([torch.zeros_like(merger[..., :1]), merger], -1)
        lineages = torch.arange(tasks, 0, -1, dtype=tree.dtype, device=tree.device)
        hazard = (lineages[:-1] * start.diff(dim=-1)).cumsum(-1)  # summed up to each merger
        hazard = torch.cat([torch.zeros_like(hazard[..., :1]), hazard], -1)
        draw = -torch.log1p(-uniform[..., 0])
        epoch = (hazard[..., None, 1:] <= draw.unsqueeze(-1)).sum(-1)  # mergers before the attachment
        shape = (*torch.broadcast_shapes(hazard.shape[:-1], draw.shape[:-1]), draw.shape[-1])
        epoch = epoch.expand(shape)
        self.time = self._at(start, epoch) + (draw - self._at(hazard, epoch)) / lineages[epoch]
        self.lca = lca_times(tree)
        # A task stands for its lineage until it merges with one that has a smaller number.
        smaller = torch.ones(tasks, tasks, dtype=torch.bool, device=tree.device).tril(-1)
        absorbed = self.lca.masked_fill(~smaller, torch.inf).amin(-1)
        alive = absorbed.unsqueeze(-2) > self.time.unsqueeze(-1)
        wanted = (uniform[..., 1] * alive.sum(-1)).floor().clamp_max(alive.sum(-1) - 1)
        self.leaf = (alive.cumsum(-1) > wanted.unsqueeze(-1)).int().argmax(-1)

    @staticmethod
    def _at(values: Tensor, index: Tensor) -> Tensor:
        return values.expand(*index.shape[:-1], values.shape[-1]).gather(-1, index)

    def kernel(self) -> tuple[Tensor, Tensor]:
        """Covariance with the fitted tasks and variance of the new ones, given the old root's weights.

        Returns
        -------
        Tensor
            ``[..., new, tasks]``.
        Tensor
            ``[..., new]``: above the old root the way leads up from it, and down again.
        """
        rows = self.lca.expand(*self.leaf.shape[:-1], *self.lca.shape[-2:])
        index = self.leaf.unsqueeze(-1).expand(*self.leaf.shape, rows.shape[-1])
        lca = torch.maximum(rows.gather(-2, index), self.time.unsqueeze(-1))
        depth = self.tree[..., -1, 2].unsqueeze(-1)
        return (depth.unsqueeze(-1) - lca).clamp_min(0.0), depth + 2 * (self.time - depth).clamp_min(0.0)


def extended_trees(tree: Tensor, uniform: Tensor) -> Tensor:
    """Trees with one more leaf, the last.

    Parameters
    ----------
    tree, uniform
        ``[draws, tasks - 1, 3]`` and ``[draws, 1, 2]``, as in `Attachment`.

    Returns
    -------
    Tensor
        ``[draws, tasks, 3]``.
    """
    at = Attachment(tree, uniform)
    leaves = tree.shape[-2] + 1
    result = []
    for old, time, leaf in zip(tree.double(), at.time[:, 0], at.leaf[:, 0].tolist(), strict=True):
        before = int((old[:, 2] <= time).sum())
        node, rows = leaf, []
        for k, row in enumerate(old[:before].tolist()):
            rows.append(row)
            node = leaves + k if node in row[:2] else node
        rows.append([node, -1.0, float(time)])  # -1 stands for the new leaf
        later = [[row[0], row[1], row[2]] for row in old[before:].tolist()]
        for row in later:
            if node in row[:2]:
                row[row.index(node)] = -2.0  # and -2 for the new merger
                break
        names = {-1.0: leaves, -2.0: leaves + 1 + before}
        for k in range(leaves - 1):
            names[float(leaves + k)] = leaves + 1 + k + (k >= before)
        new = [[*sorted(float(names.get(c, c)) for c in row[:2]), row[2]] for row in rows + later]
        result.append(torch.tensor(new, dtype=torch.float64))
    return torch.stack(result).to(tree.dtype)
