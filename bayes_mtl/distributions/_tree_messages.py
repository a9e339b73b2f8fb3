"""Gaussian values that diffused down a tree, given Gaussian messages at its leaves."""

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from bayes_mtl.distributions._forest import Forest
from bayes_mtl.distributions._tree_log_evidence import TreeLogEvidence
from bayes_mtl.distributions._tree_passes import draw, marginals, upward


@dataclass(frozen=True, eq=False)
class TreeMessages:
    """Message passing up and down trees, ``O(tasks)`` each.

    The root is ``N(mean, kappa L)`` with ``L = root root'``, a branch of duration ``d`` adds ``N(0, d L)``,
    and the data say ``exp(pull'w - w'precision w / 2)`` of the leaf ``w`` of a task. All nodes are integrated
    out. Leading axes of the arguments broadcast: many trees are worked on at once, a generation at a time.

    Parameters
    ----------
    tree
        Of `KingmanTree`'s form.
    kappa
        ``[*draws]``, not negative.
    mean, root
        ``[*draws, size]`` and ``[*draws, size, size]``.
    precision, pull
        What the data say of each task, ``[*draws, tasks, size, size]`` and ``[*draws, tasks, size]``.

    forest
        `Forest` of the trees, where it is at hand.

    References
    ----------
    Teh, Daumé and Roy (NIPS 2007), section 4, for observations with a covariance of their own.
    """

    tree: Float[Tensor, "*#draws mergers 3"]
    kappa: Float[Tensor, "*#draws"]
    mean: Float[Tensor, "*#draws size"]
    root: Float[Tensor, "*#draws size size"]
    precision: Float[Tensor, "*#draws tasks size size"]
    pull: Float[Tensor, "*#draws tasks size"]
    forest: Forest | None = None

    def log(self) -> Float[Tensor, "*draws"]:
        """Log evidence, differentiable in every argument (in the tree: its times)."""
        forest, duration, leaves = self.white()
        value: Tensor = TreeLogEvidence.apply(forest, duration, leaves)  # type: ignore[no-untyped-call]
        shifted = (self.precision @ self.mean[..., None, :, None]).squeeze(-1)
        at_mean = (self.mean.unsqueeze(-2) * (self.pull - 0.5 * shifted)).sum((-2, -1))
        return value.reshape(self._shape()) + at_mean

    def leaf_means(self) -> Float[Tensor, "*draws tasks size"]:
        """Posterior mean of each task."""
        with torch.no_grad():
            forest, duration, leaves = self.white()
            up = upward(forest, duration, leaves)
            return self._back(forest, marginals(forest, duration, up)[0])

    def draw(self) -> Float[Tensor, "*draws tasks size"]:
        """One exact draw of all tasks together."""
        with torch.no_grad():
            forest, duration, leaves = self.white()
            return self._back(forest, draw(forest, duration, upward(forest, duration, leaves)))

    def white(self) -> tuple[Forest, Tensor, Tensor]:
        """Forest, durations and the leaves' messages in white coordinates, leading axes flattened."""
        shape = self._shape()
        tree = self.tree.expand(*shape, *self.tree.shape[-2:]).flatten(0, -3)
        forest = self.forest or Forest.of(tree[..., :2].detach().long().numpy())
        duration = forest.durations(tree, self.kappa.expand(shape).reshape(-1))
        leaves = white_leaves(self.mean, self.root, self.precision, self.pull)
        return forest, duration, leaves.expand(*shape, *leaves.shape[-3:]).flatten(0, -4)

    def _shape(self) -> torch.Size:
        return torch.broadcast_shapes(
            self.tree.shape[:-2], self.kappa.shape, self.mean.shape[:-1], self.root.shape[:-2],
            self.precision.shape[:-3], self.pull.shape[:-2], (1,),
        )  # fmt: skip

    def _back(self, forest: Forest, value: Tensor) -> Tensor:
        leaf = value[forest.leaves].reshape(*self._shape(), *self.pull.shape[-2:])
        return self.mean.unsqueeze(-2) + (self.root.unsqueeze(-3) @ leaf.unsqueeze(-1)).squeeze(-1)


def white_leaves(mean: Tensor, root: Tensor, precision: Tensor, pull: Tensor) -> Tensor:
    """Messages ``exp(pull'w - w'precision w / 2)`` about ``z = root^-1 (w - mean)``, see `upward`."""
    root = root.unsqueeze(-3)
    pull = pull.unsqueeze(-1) - precision @ mean[..., None, :, None]
    message = torch.cat([precision @ root, pull.expand(*pull.shape[:-2], -1, 1)], -1)
    return root.mT @ message
