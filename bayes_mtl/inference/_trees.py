"""Posterior over trees of tasks."""

import time
from dataclasses import dataclass

import torch
from torch import Tensor
from tqdm.auto import tqdm

from bayes_mtl._errors import InputError, message
from bayes_mtl._seed import seeded
from bayes_mtl.data import TaskData, TaskTable
from bayes_mtl.distributions import greedy_tree
from bayes_mtl.inference._abstract_inference import AbstractInference
from bayes_mtl.inference._local import local_parameters
from bayes_mtl.inference._population import population, ridge
from bayes_mtl.inference._potential import Potential
from bayes_mtl.inference._start import start_from
from bayes_mtl.inference._tree_chains import TreeChains
from bayes_mtl.inference._tree_program import TREE, TreeProgram
from bayes_mtl.model import MultiTaskModel
from bayes_mtl.posterior import FitRecord, Posterior, build_posterior
from bayes_mtl.priors import at_draws

_LARGEST = 1 << 20  # numbers a chunk works on
_MOST_MOVES = 30  # each costs as much as the number of tasks


@dataclass(frozen=True)
class Trees(AbstractInference):
    """Markov chains over the tree of the tasks, the hyperparameters and the weights.

    For a `LatentHierarchy` whose tree is not given, and a Gaussian likelihood. Weights of tasks and inner
    nodes are integrated out by message passing, so the chains move on trees and hyperparameters alone: a
    subtree is cut off and grafted where the coalescent and the data want it, then times and hyperparameters
    move together by Hamiltonian dynamics. The joint posterior is exact; weights are drawn from their own
    posterior given each draw that is kept.

    Parameters
    ----------
    draws
        Draws a chain, after warm-up.
    warmup
        Warm-up iterations a chain; step sizes adapt in them and not after.
    chains
        Number of chains. They are worked on together, so that more of them cost little; each starts at a
        greedy tree on weights drawn around their estimates.
    moves
        Subtrees that are cut off and grafted in an iteration; None for as many as there are tasks, up to 30.
    target_accept
        Acceptance rate of the Hamiltonian trajectories.
    progress
        Whether to show a progress bar. An interrupt after the warm-up keeps the draws so far.

    References
    ----------
    Teh, Daumé and Roy, Bayesian agglomerative clustering with coalescents (NIPS 2007), for the messages and
    the greedy start; Andrieu, Lee and Vihola (Bernoulli 2018) for the choice among candidates.
    """

    draws: int = 100
    warmup: int = 100
    chains: int = 8
    moves: int | None = None
    target_accept: float = 0.8
    progress: bool = True

    def __post_init__(self) -> None:
        for name in ("draws", "warmup", "chains", "moves"):
            value = getattr(self, name)
            if value is not None and value < 1:
                raise InputError(message(name, "at least 1", value, "Raise it."))
        if not 0.0 < self.target_accept < 1.0:
            raise InputError(message("target_accept", "between 0 and 1", self.target_accept, "Try 0.8."))

    def run(self, model: MultiTaskModel, data: TaskData | TaskTable, *, seed: int = 0) -> Posterior:
        began = time.perf_counter()
        with seeded(seed), local_parameters():
            program = model.program(data)
            tasks = len(program.schema.tasks)
            none = torch.empty(0, 3, dtype=torch.float64)
            collapsed = TreeProgram(program, data, none)
            trees = _starts(collapsed, self.chains)
            collapsed.tree = trees[0]
            values = start_from(program, [collapsed.statistics])
            moves = min(max(2, tasks), _MOST_MOVES) if self.moves is None else self.moves
            potential = Potential(collapsed, (), values)
            state = TreeChains(collapsed, potential, trees, moves, self.target_accept)
            flat, tree, divergences, stopped = self._chains(state)
            latents = _with_weights(state, flat, tree)
            record = FitRecord(
                method="Trees",
                settings=self.described(),
                seed=seed,
                device="cpu",
                seconds=time.perf_counter() - began,
                stopped=stopped,
                observations=len(data),
                chains=self.chains,
                divergences=divergences,
            )
            posterior = build_posterior(program, latents, record)
        return posterior.with_record(seconds=time.perf_counter() - began)

    def _chains(self, state: TreeChains) -> tuple[Tensor, Tensor, int, str]:
        """Kept hyperparameters and trees, ``[chains * draws, ...]``, divergences, and why it ended."""
        flat: list[Tensor] = []
        tree: list[Tensor] = []
        divergences, stopped = 0, "finished"
        total = self.warmup + self.draws
        bar = tqdm(total=total, disable=not self.progress, desc="Trees", leave=False)
        try:
            for i in range(total):
                state.iterate()
                if i < self.warmup:
                    state.adapt((i + 1) / self.warmup)
                else:
                    divergences += state.hamiltonian.diverged
                    tree.append(torch.from_numpy(state.tree))
                    flat.append(state.flat)
                bar.update()
        except KeyboardInterrupt:
            if not flat:
                raise
            stopped = "interrupted"
            tree = tree[: len(flat)]
        finally:
            bar.close()
        return torch.stack(flat, 1).flatten(0, 1), torch.stack(tree, 1).flatten(0, 1), divergences, stopped


def _starts(collapsed: TreeProgram, chains: int) -> Tensor:
    """A greedy tree for each chain, of weights drawn around their estimates, ``[chains, mergers, 3]``."""
    sums, size = collapsed.statistics, collapsed.dims.features
    _, covariance, noise, weights = population(sums, size, ridge([sums], size).squeeze(-1))
    inverse = torch.linalg.inv(covariance)
    own = torch.linalg.inv(sums.xx[:, :size, :size] / noise.square() + inverse)
    root = torch.linalg.cholesky(own)
    variances = 2.0 * (inverse * own).sum((-2, -1)) / size  # the expected tree is about 2 high
    trees = []
    for _ in range(chains):
        drawn = weights + (root @ torch.randn_like(weights).unsqueeze(-1)).squeeze(-1)
        trees.append(greedy_tree(drawn, variances, covariance / 2.0))
    return torch.stack(trees)


def _with_weights(state: TreeChains, flat: Tensor, tree: Tensor) -> dict[str, Tensor]:
    """All sites at the kept draws, with an exact draw of the weights given each."""
    program, parts = state.program, []
    dims = program.dims
    size = max(1, _LARGEST // (dims.tasks * dims.features**2))
    with torch.no_grad():
        values, _ = state.potential.unpack(flat)
        values = {**values, TREE: tree.unsqueeze(1)}
        for start in range(0, len(flat), size):
            part = {name: value[start : start + size] for name, value in values.items()}
            program.tree, program.forest = part[TREE], None
            hyper = {name: value for name, value in part.items() if name != TREE}
            parts.append(at_draws(program.collect, hyper or {"_none": part[TREE]}).messages.draw())
    return {**values, "weights": torch.cat(parts).unsqueeze(-1)}
