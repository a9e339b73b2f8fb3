"""Latent hierarchies: twenty tasks of ten weights (nine features and an intercept), noise of sd 2.

Trees: ``groups`` has depth 1 and four groups of five tasks, each merged by time 0.2, the groups merged from
0.6 to 1 (`tree_tasks(groups=4)`); ``coalescent`` is a draw of Kingman's coalescent. Weights diffuse down the
tree with sd 1 a unit of time. The metric is the mean over tasks of R^2 on 500 new rows of each task without
noise. Ridge has its penalty chosen for each task by leave-one-out; priors have ``covariance="diagonal"``.
"""

import math
import time
from collections.abc import Sequence

import numpy as np
import torch
from pyro.distributions import CoalescentTimes, LogNormal, Normal
from scipy.stats import ks_2samp
from sklearn.linear_model import RidgeCV

from bayes_mtl import MultiTaskModel, Posterior, TaskData
from bayes_mtl.datasets import Truth, hierarchical_tasks, tree_tasks
from bayes_mtl.distributions import KingmanTree, TreeMessages, tree_kernel
from bayes_mtl.distributions import clades as clades_of_tree
from bayes_mtl.inference import Collapsed, Trees
from bayes_mtl.likelihoods import Gaussian
from bayes_mtl.posterior import clades
from bayes_mtl.priors import AbstractTaskPrior, Hierarchical, Independent, LatentHierarchy
from benchmarks._report import Report

TREE, STAR = "LatentHierarchy", "Hierarchical"
SUPPORT = 0.8


def chains(quick: bool) -> Trees:
    """The sampler of all fits here."""
    return Trees(draws=20 if quick else 100, warmup=20 if quick else 100, chains=2, progress=False)


def fitted(prior: AbstractTaskPrior, data: TaskData, seed: int, quick: bool) -> Posterior:
    """Trees for the unknown tree, the closed form for the others."""
    inference = chains(quick) if isinstance(prior, LatentHierarchy) else Collapsed()
    return inference.run(MultiTaskModel(prior, Gaussian()), data, seed=seed)


def weights(posterior: Posterior) -> np.ndarray:
    """Posterior means in the user's units, ``[tasks, weights]``."""
    return posterior.weights()["mean"].to_numpy().reshape(len(posterior.tasks), -1)


def ridge(data: TaskData) -> np.ndarray:
    """Each task alone."""
    rows = []
    for task in range(len(data.schema.tasks)):
        own = data.task == task
        found = RidgeCV(alphas=np.geomspace(1e-3, 1e3, 31)).fit(data.x[own], data.y[own])
        rows.append([found.intercept_, *found.coef_])
    return np.asarray(rows)


def explained(found: np.ndarray, truth: Truth, seed: int) -> float:
    """Mean over tasks of R^2 on new rows without noise."""
    x = np.random.default_rng(10_000 + seed).normal(size=(500, truth.weights.shape[1] - 1))
    design = np.column_stack([np.ones(500), x])
    clean = design @ truth.weights.T
    error = np.square(clean - design @ found.T).sum(0)
    return float((1 - error / np.square(clean - clean.mean(0)).sum(0)).mean())


def kernel_against_messages(report: Report) -> None:
    """Log evidence of 30 tasks from the kernel, one system of 120 equations, and from messages."""
    torch.manual_seed(0)
    worst = 0.0
    for _ in range(20):
        tree = KingmanTree(30).sample().double()
        root = torch.linalg.cholesky(torch.cov(torch.randn(4, 9, dtype=torch.float64)))
        mean = torch.randn(4, dtype=torch.float64)
        half = torch.randn(30, 4, 6, dtype=torch.float64)
        precision, pull = half @ half.mT, torch.randn(30, 4, dtype=torch.float64)
        kappa = torch.rand((), dtype=torch.float64)
        messages = TreeMessages(tree, kappa, mean, root, precision, pull).log()
        covariance = torch.kron(tree_kernel(tree, kappa), root @ root.mT)
        data = torch.block_diag(*precision)
        center = pull.flatten() - data @ mean.repeat(30)
        whole = torch.eye(120, dtype=torch.float64) + covariance @ data
        dense = 0.5 * center @ torch.linalg.solve(whole, covariance @ center) - 0.5 * torch.logdet(whole)
        dense = dense + (mean * (pull - 0.5 * (precision @ mean))).sum()
        worst = max(worst, float((messages - dense).abs()))
    report.add("20 trees of 30 tasks", "kernel, message passing", "largest difference", worst, None, "nats")


def sampled_times(report: Report) -> None:
    """Merger times of `KingmanTree` and of Pyro's `CoalescentTimes`, two-sample Kolmogorov-Smirnov."""
    torch.manual_seed(0)
    own = KingmanTree(10).sample(torch.Size([5_000]))[..., 2].numpy()
    other = -CoalescentTimes(torch.zeros(10)).sample(torch.Size([5_000])).sort(-1, descending=True)[0].numpy()
    smallest = min(ks_2samp(own[:, k], other[:, k]).pvalue for k in range(9))
    report.add("times, 10 tasks", "KingmanTree", "smallest p of 9", smallest)


def planted(report: Report, groups: int | None, rows: int, seeds: int, quick: bool) -> None:
    """The tree fit against each task alone and against one population."""
    case = f"{'groups' if groups else 'coalescent'}, {rows} rows"
    scores: dict[str, list[float]] = {name: [] for name in (TREE, STAR, "ridge")}
    shares: list[float] = []
    seconds, right = [], []
    for seed in range(seeds):
        data, truth = tree_tasks(groups=groups, rows=rows, seed=seed)
        began = time.perf_counter()
        tree = fitted(LatentHierarchy(covariance="diagonal"), data, seed, quick)
        seconds.append(time.perf_counter() - began)
        star = fitted(Hierarchical(covariance="diagonal"), data, seed, quick)
        for name, found in ((TREE, weights(tree)), (STAR, weights(star)), ("ridge", ridge(data))):
            scores[name].append(explained(found, truth, seed))
            report.add(f"{case}, seed {seed}", name, "R^2 without noise", scores[name][-1])
        called = sure(tree)
        right += [members in planted_clades(truth, tree.tasks) for members in called]
        if truth.labels is not None:
            shares.append(recovered(called, truth.labels, tree.tasks))
            report.add(f"{case}, seed {seed}", TREE, "groups with support 0.8", shares[-1])
    for name, values in scores.items():
        report.add(case, name, "R^2 without noise", np.mean(values), np.std(values))
    for other in (STAR, "ridge"):
        wins = int((np.asarray(scores[TREE]) > np.asarray(scores[other])).sum())
        report.add(case, f"{TREE} > {other}", f"seeds of {seeds}", wins)
    if shares:
        report.add(case, TREE, "groups with support 0.8", np.mean(shares))
    report.add(case, TREE, "clades with support 0.8 a fit", len(right) / seeds)
    if right:
        report.add(case, TREE, "of them planted", 100 * np.mean(right), None, "%")
    report.add(case, TREE, "seconds a fit", np.mean(seconds), np.std(seconds), "s")


def sure(posterior: Posterior) -> set[frozenset[str]]:
    """Clades, apart from that of all tasks, whose support is at least 0.8."""
    table = clades(posterior)
    called = table["members"][(table["support"] >= SUPPORT) & (table["size"] < len(posterior.tasks))]
    return {frozenset(members) for members in called}


def planted_clades(truth: Truth, tasks: Sequence[str]) -> set[frozenset[str]]:
    """Clades of the tree behind the data."""
    names = np.asarray(tasks)
    below = clades_of_tree(torch.as_tensor(truth.tree)).numpy()
    return {frozenset(names[members].tolist()) for members in below}


def recovered(called: set[frozenset[str]], labels: np.ndarray, tasks: Sequence[str]) -> float:
    """Share of the planted groups that are among the clades."""
    names = np.asarray(tasks)
    return float(np.mean([frozenset(names[labels == g].tolist()) in called for g in np.unique(labels)]))


def hyperparameters_known(report: Report, rows: int, seeds: int, quick: bool) -> None:
    """How sure of the planted groups the exact posterior can be, were all but the tree and weights known."""
    shares = []
    for seed in range(seeds):
        data, truth = tree_tasks(groups=4, rows=rows, seed=seed)
        mean = torch.as_tensor(truth.mean, dtype=torch.float32).unsqueeze(-1)
        prior = LatentHierarchy(mean=Normal(mean, 0.01), scale=LogNormal(0.0, 0.01), covariance="diagonal")
        model = MultiTaskModel(prior, Gaussian(scale=LogNormal(math.log(2.0), 0.01)), standardize=False)
        posterior = chains(quick).run(model, data, seed=seed)
        if truth.labels is not None:
            shares.append(recovered(sure(posterior), truth.labels, posterior.tasks))
    case = f"groups, {rows} rows, first {seeds} seeds"
    report.add(case, "hyperparameters known", "groups with support 0.8", np.mean(shares))


def without_a_tree(report: Report, seeds: int, quick: bool) -> None:
    """One population: what the tree and independent tasks gain on it, by leave-one-out and on new rows."""
    import arviz as az

    for seed in range(seeds):
        data, _ = hierarchical_tasks(
            20, rows=30, features=9, scale=1.0, correlation=0.0, noise=2.0, seed=seed
        )
        train, test = data.split(test=0.5, seed=seed)
        priors = {
            TREE: LatentHierarchy(covariance="diagonal"),
            STAR: Hierarchical(covariance="diagonal"),
            "Independent": Independent(),
        }
        posteriors = {name: fitted(prior, train, seed, quick) for name, prior in priors.items()}
        left = {n: az.loo(p.to_arviz(train), pointwise=True).loo_i.values for n, p in posteriors.items()}
        held = {name: posterior.score(test) for name, posterior in posteriors.items()}
        for name in (TREE, "Independent"):
            gain = left[name] - left[STAR]
            case = f"no tree, seed {seed}"
            error = gain.std() * len(gain) ** 0.5
            report.add(case, f"{name} - {STAR}", "PSIS-LOO, sum", gain.sum(), error, "nats")
            new = held[name] - held[STAR]
            report.add(case, f"{name} - {STAR}", "new rows, sum", new.total, new.se * len(new), "nats")


def run(report: Report, quick: bool) -> None:
    """All numbers of the family."""
    kernel_against_messages(report)
    sampled_times(report)
    seeds = 1 if quick else 10
    for groups in (4, None):
        for rows in (15, 40):
            planted(report, groups, rows, seeds, quick)
    for rows in (15, 40):
        hyperparameters_known(report, rows, 1 if quick else 5, quick)
    without_a_tree(report, 1 if quick else 3, quick)
