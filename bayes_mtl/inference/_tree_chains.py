"""Chains over trees and hyperparameters, the weights integrated out."""

import numpy as np
import torch
from pyro.distributions import Normal
from torch import Tensor

from bayes_mtl.distributions import Forest, upward
from bayes_mtl.inference._hamiltonian import Hamiltonian
from bayes_mtl.inference._potential import Potential
from bayes_mtl.inference._regraft import regraft
from bayes_mtl.inference._tree_program import TreeProgram
from bayes_mtl.priors import at_draws

MEAN, SCALE = "mean", "scale"
_CANDIDATES = 32


class TreeChains:
    """State of several chains that move in step.

    An iteration regrafts subtrees (which changes the topology, and times with it), then makes one Hamiltonian
    trajectory on all hyperparameters and all durations between mergers, on logarithmic scale, together.
    Each leaves the joint posterior of tree and hyperparameters invariant.

    Parameters
    ----------
    program
        Its tree is where potentials are set up.
    potential
        Of that program.
    trees
        Where the chains start, ``[chains, mergers, 3]``.
    moves
        Subtrees regrafted in an iteration.
    """

    def __init__(
        self, program: TreeProgram, potential: Potential, trees: Tensor, moves: int, target_accept: float
    ) -> None:
        self.program, self.potential, self.moves = program, potential, moves
        chains = len(trees)
        self.tree = trees.numpy()
        start = potential.start.expand(chains, -1)
        self.flat = start + 0.1 * (2 * torch.rand(start.shape, dtype=torch.float64) - 1)
        self.random = np.random.default_rng(int(torch.randint(2**31, ())))
        self.hamiltonian = Hamiltonian(start.shape[1] + self.tree.shape[1], target_accept)
        self.regrafted = 0.0
        self._scales = torch.zeros_like(start[0])
        at = self._start_of(SCALE)
        self._scales[at : at + program.dims.features] = 1.0

    def iterate(self) -> None:
        """One iteration of all chains."""
        self._regraft()
        self._move()

    def adapt(self, done: float) -> None:
        """Learn from the last iteration, of the warm-up."""
        self.hamiltonian.adapt(self._position(), done)

    def _regraft(self) -> None:
        with torch.no_grad():
            values, _ = self.potential.unpack(self.flat)
            self._at(torch.from_numpy(self.tree), None)
            messages = at_draws(self.program.collect, values or self._nothing()).messages
            _, _, leaves = messages.white()
            kappa = messages.kappa.expand(len(self.tree))
            changed = 0.0
            for _ in range(self.moves):
                self.tree, moved = regraft(self.tree, leaves, kappa, _CANDIDATES, self.random)
                changed += float(moved.mean()) / self.moves
            self.regrafted = changed
            self._draw_mean(messages.root, leaves, kappa)

    def _draw_mean(self, root: Tensor, leaves: Tensor, kappa: Tensor) -> None:
        """Draw the mean of the root given the tree and all else, where its prior is Gaussian."""
        prior = self.program.prior.mean
        if not isinstance(prior, Normal):
            return
        size, at = root.shape[-1], self._start_of(MEAN)
        tree = torch.from_numpy(self.tree)
        forest = Forest.of(self.tree[..., :2].astype(np.int64))
        up = upward(forest, forest.durations(tree, kappa), leaves)
        # About the deviation from the present mean, in white coordinates.
        message = up.above[forest.roots]
        inverse = torch.linalg.solve_triangular(root, torch.eye(size, dtype=root.dtype), upper=False)
        weight = prior.scale.double().square().reciprocal().expand(self.program.dims.weights).reshape(-1)
        away = prior.loc.double().expand(self.program.dims.weights).reshape(-1) - self.flat[:, at : at + size]
        factor = torch.linalg.cholesky(inverse.mT @ message[..., :-1] @ inverse + weight.diag_embed())
        pull = inverse.mT @ message[..., -1:] + (weight * away).unsqueeze(-1)
        white = torch.linalg.solve_triangular(factor, pull, upper=False) + torch.randn_like(pull)
        move = torch.linalg.solve_triangular(factor.mT, white, upper=True).squeeze(-1)
        self.flat = torch.cat(
            [self.flat[:, :at], self.flat[:, at : at + size] + move, self.flat[:, at + size :]], -1
        )

    def _nothing(self) -> dict[str, Tensor]:
        return {"_none": torch.zeros(len(self.tree), 1)}

    def _move(self) -> None:
        children = torch.from_numpy(self.tree[..., :2])
        forest = Forest.of(self.tree[..., :2].astype(np.int64))

        def density(position: Tensor) -> tuple[Tensor, Tensor]:
            point = position.detach().requires_grad_()
            flat, time = self._from(point)
            self._at(torch.cat([children, time.unsqueeze(-1)], -1), forest)
            value = self.potential.log_density(flat) + point[:, flat.shape[1] :].sum(-1)
            (gradient,) = torch.autograd.grad(value.sum(), point)
            return value.detach(), gradient

        self.flat, time = self._from(self.hamiltonian.move(self._position(), density))
        self.tree = np.concatenate([self.tree[..., :2], time.unsqueeze(-1).numpy()], -1)

    def _position(self) -> Tensor:
        """Coordinates of the trajectories: hyperparameters, and logarithms of the durations.

        The data tell how far the tasks are apart, which is the diffusion's scale times the root of the tree's
        height; so that product stands in for the scale (on logarithmic scale: a shift, of unit Jacobian).
        """
        duration = torch.from_numpy(np.diff(self.tree[..., 2], axis=-1, prepend=0.0)).log()
        height = torch.from_numpy(self.tree[:, -1:, 2]).log()
        return torch.cat([self.flat + 0.5 * self._scales * height, duration], -1)

    def _from(self, position: Tensor) -> tuple[Tensor, Tensor]:
        """Unconstrained hyperparameters and times at a position."""
        size = self.flat.shape[1]
        time = position[:, size:].exp().cumsum(-1)
        return position[:, :size] - 0.5 * self._scales * time[:, -1:].log(), time

    def _start_of(self, name: str) -> int:
        """Where a site begins among the unconstrained hyperparameters."""
        names = [site.name for site in self.potential.sites]
        return sum(site.size for site in self.potential.sites[: names.index(name)])

    def _at(self, tree: Tensor, forest: Forest | None) -> None:
        self.program.tree, self.program.forest = tree.unsqueeze(1), forest
