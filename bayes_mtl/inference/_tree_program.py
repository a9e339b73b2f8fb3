"""The Pyro program of a model on a tree with weights and inner nodes integrated out."""

import math

import numpy as np
import pyro
import torch
from pyro import poutine
from torch import Tensor

from bayes_mtl._errors import UnsupportedError
from bayes_mtl.data import TaskData, TaskTable
from bayes_mtl.distributions import Forest, TreeMessages
from bayes_mtl.inference._sums_by_task import sums_by_task
from bayes_mtl.inference._task_sums import TaskSums
from bayes_mtl.inference._tree_evidence import TreeEvidence
from bayes_mtl.likelihoods import Gaussian
from bayes_mtl.model import Program
from bayes_mtl.priors import LatentHierarchy

TREE = "tree"
"""Site of the tree."""


def why_not_trees(program: Program) -> str | None:
    """Why the tree of this program cannot be sampled; None where it can."""
    prior = program.prior
    if not isinstance(prior, LatentHierarchy):
        return f"{type(prior).__name__} has no tree. Leave the choice to bayes_mtl.fit"
    if prior.tree is not None:
        return "its tree is given. Leave the choice to bayes_mtl.fit"
    if len(program.kinds) > 1:
        return "tasks of different kinds share no tree. Fit each kind alone"
    if program.network is not None:
        return "a network would be trained with the tree. Freeze it into the features, or give a tree"
    if type(program.likelihood) is not Gaussian:
        return (
            f"the likelihood is {type(program.likelihood).__name__}, and a tree is sampled with the weights "
            "integrated out, which takes a Gaussian one. Give a tree: LatentHierarchy(tree=...)"
        )
    if len(program.schema.tasks) < 2:
        return "one task has no tree. Use Hierarchical"
    return None


class TreeProgram:
    """Call it without arguments: it samples the hyperparameters and adds the evidence of all tasks.

    Parameters
    ----------
    program
        The full program, whose prior is a `LatentHierarchy` without a given tree.
    data
        Read once, for per-task sums.

    Attributes
    ----------
    tree
        Trees at which the program runs, ``[tasks - 1, 3]`` or ``[draws, 1, tasks - 1, 3]``.
    forest
        Of these trees, where it is at hand.
    """

    def __init__(self, program: Program, data: TaskData | TaskTable, tree: Tensor) -> None:
        reason = why_not_trees(program)
        prior = program.prior
        if reason is not None or not isinstance(prior, LatentHierarchy):
            raise UnsupportedError(f"Trees does not fit this model: {reason}.")
        self.program, self.prior, self.tree = program, prior, tree
        self.forest: Forest | None = None
        self.statistics = sums_by_task(program, data)
        self.dims = program.dims(program.task_features)
        # Density of the targets in the user's units instead of the standardised ones.
        spread = torch.as_tensor(np.log(program.scaling.spread[:, 0]))
        self.jacobian = -(self.statistics.n * spread).sum()

    def collect(self) -> TreeEvidence:
        """Sample everything but the weights at `tree`."""
        size, double = self.dims.features, torch.float64
        with poutine.condition(data={TREE: self.tree}):
            diffusion = self.prior.diffusion(self.dims)
        noise = self.program.likelihood.parameters(self.dims).get("scale", 1.0)
        inverse = 1.0 / torch.as_tensor(noise, dtype=double).square()
        inverse = inverse.reshape(-1, inverse.shape[-1] if inverse.dim() else 1)
        sums = TaskSums.without_fixed(self.statistics, size, self.program.fixed())
        constant = sums.n * (inverse.log() - math.log(2 * math.pi)) - inverse * sums.yy + sums.log_precision
        tree = diffusion.tree.reshape(-1, *diffusion.tree.shape[-2:])
        kappa = torch.as_tensor(diffusion.kappa, dtype=double)
        messages = TreeMessages(
            tree=tree.to(double),
            kappa=kappa.expand(len(tree)) if kappa.dim() == 0 else kappa.reshape(-1),
            mean=diffusion.mean.to(double).reshape(-1, size),
            root=diffusion.root().to(double).reshape(-1, size, size),
            precision=inverse[..., None, None] * sums.xx,
            pull=inverse[..., None] * sums.xy,
            forest=self.forest,
        )
        return TreeEvidence(messages, 0.5 * constant.sum(-1) + self.jacobian)

    def __call__(self) -> None:
        log = self.collect().log()
        with pyro.plate("evidence_of_all", 1, dim=-1):
            pyro.factor("evidence", log.unsqueeze(-1) if self.tree.dim() > 2 else log)
