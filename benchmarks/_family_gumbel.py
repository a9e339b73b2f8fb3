"""Gumbel-softmax priors: three divergences, planted blocks, and rotated digits."""

import numpy as np
import torch

from bayes_mtl import MultiTaskModel, TaskData
from bayes_mtl.distributions import mixture_kl
from bayes_mtl.inference import SVI
from bayes_mtl.likelihoods import Gaussian
from bayes_mtl.priors import GumbelSoftmax
from benchmarks import _family_digits
from benchmarks._report import Report


def run(report: Report, quick: bool) -> None:
    """All parts of this family."""
    divergences(report)
    blocks(report, quick)
    _family_digits.run(report, quick)


def divergences(report: Report) -> None:
    """N(0, 1) from an even mixture of N(0, 1) and N(5, 1)."""
    torch.manual_seed(0)
    one, half = torch.ones(1), torch.full((2,), 0.5)
    means = torch.tensor([[0.0], [5.0]])
    for name in ("mixture", "convex", "moments"):
        found = mixture_kl(
            torch.zeros(1), one, means, torch.ones(2, 1), half, divergence=name, draws=1_000_000
        )
        report.add("KL from a mixture", name, "divergence", float(found), None, "nats")


def blocks(report: Report, quick: bool) -> None:
    """Two planted blocks of four tasks: how much of each task's alpha stays within its block."""
    shares = []
    for seed in range(2 if quick else 5):
        data, block = planted(seed)
        posterior = _svi(quick).run(MultiTaskModel(GumbelSoftmax(), Gaussian()), data, seed=seed)
        alpha = posterior.draws["alpha"].mean(0).numpy()
        shares.append((alpha * (block[:, None] == block)).sum(1).min())
    mean, sd = np.mean(shares), np.std(shares)
    report.add("two blocks of tasks", "GumbelSoftmax", "alpha within, worst task", mean, sd)


def planted(seed: int) -> tuple[TaskData, np.ndarray]:
    """Regressions on six features, twelve rows a task, and the block of each of eight tasks."""
    random = np.random.default_rng(seed)
    block = np.arange(8) // 4
    weights = 1.5 * random.normal(size=(2, 6))[block] + 0.15 * random.normal(size=(8, 6))
    task = np.repeat(np.arange(8), 12)
    x = random.normal(size=(len(task), 6))
    y = (weights[task] * x).sum(1) + 0.5 * random.normal(size=len(task))
    return TaskData.from_arrays(x, y, task), block


def _svi(quick: bool) -> SVI:
    steps = 300 if quick else 2000
    return SVI(steps=steps, particles=1, draws=200, progress=False, compile=not quick)
