"""Gumbel-softmax priors: three divergences, planted blocks, a missing class, and rotated digits.

Digits: four tasks are the images of scikit-learn's ``load_digits`` turned by 0, 30, 60 and 90 degrees; every
image is used for training in one task at most, and tested in all tasks if it was used in none.
"""

import time

import numpy as np
import torch
from pyro.distributions import HalfNormal
from scipy.ndimage import rotate

from bayes_mtl import MultiTaskModel, TaskData
from bayes_mtl.distributions import mixture_kl
from bayes_mtl.inference import SVI
from bayes_mtl.likelihoods import Categorical, Gaussian
from bayes_mtl.priors import AbstractTaskPrior, GumbelSoftmax, Independent, Pooled
from benchmarks._report import Report

ANGLES = (0, 30, 60, 90)
PRIORS: dict[str, AbstractTaskPrior] = {
    "GumbelSoftmax": GumbelSoftmax(),
    "Independent, learned scale": Independent(HalfNormal(1.0)),
    "Pooled, learned from all": Pooled(),
}


def run(report: Report, quick: bool) -> None:
    """All parts of this family."""
    divergences(report)
    blocks(report, quick)
    digits(report, quick)


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


def digits(report: Report, quick: bool) -> None:
    """Accuracy by number of images, paired differences to the yardsticks, and a class that a task lacks."""
    seeds = range(2 if quick else 10)
    for images in (5,) if quick else (5, 10, 20):
        accuracy(report, images, seeds)
    missing_class(report, quick)


def accuracy(report: Report, images: int, seeds: range) -> None:
    """All methods with one number of images."""
    quick = len(seeds) < 10
    found: dict[str, list[float]] = {name: [] for name in PRIORS}
    seconds: dict[str, list[float]] = {name: [] for name in PRIORS}
    for seed in seeds:
        train, test = rotated_digits(images, seed)
        for name, prior in PRIORS.items():
            began = time.perf_counter()
            posterior = _svi(quick).run(MultiTaskModel(prior, Categorical()), train, seed=seed)
            seconds[name].append(time.perf_counter() - began)
            chosen = posterior.predict(test).probabilities.argmax(1)
            found[name].append(100 * float((chosen == test.y).mean()))
    case = f"digits, {images} images a class"
    for name, values in found.items():
        report.add(case, name, "accuracy", np.mean(values), np.std(values, ddof=1), "%")
        report.add(case, name, "seconds", np.mean(seconds[name]), None, "s")
    for name in list(PRIORS)[1:]:
        gain = np.subtract(found["GumbelSoftmax"], found[name])
        error = gain.std(ddof=1) / len(gain) ** 0.5
        report.add(case, f"gain over {name}", "mean (± standard error)", gain.mean(), error, "%")


def missing_class(report: Report, quick: bool) -> None:
    """Task 0 never sees class 3: accuracy on its images of that class; chance is 10 %."""
    found: dict[str, list[float]] = {name: [] for name in list(PRIORS)[:2]}
    for seed in range(2 if quick else 10):
        train, test = rotated_digits(10, seed)
        train = train.subset((train.task != 0) | (train.y != 3))
        alone = test.subset((test.task == 0) & (test.y == 3))
        for name in found:
            posterior = _svi(quick).run(MultiTaskModel(PRIORS[name], Categorical(10)), train, seed=seed)
            chosen = posterior.predict(alone).probabilities.argmax(1)
            found[name].append(100 * float((chosen == 3).mean()))
    for name, values in found.items():
        error = np.std(values, ddof=1) / len(values) ** 0.5
        report.add("a class never seen", name, "accuracy (± standard error)", np.mean(values), error, "%")


def rotated_digits(images: int, seed: int) -> tuple[TaskData, TaskData]:
    """Training images, ``images`` a class and task, all different; and all others in every task."""
    from sklearn.datasets import load_digits

    loaded = load_digits()
    random = np.random.default_rng(seed)
    order = random.permutation(len(loaded.target))
    by_class = [order[loaded.target[order] == c] for c in range(10)]
    x, y, task = [], [], []
    for t, angle in enumerate(ANGLES):
        chosen = np.concatenate([own[t * images : (t + 1) * images] for own in by_class])
        x.append(turned(loaded.images[chosen], angle))
        y.append(loaded.target[chosen])
        task.append(np.full(len(chosen), t))
    rest = np.concatenate([own[len(ANGLES) * images :] for own in by_class])
    tests = [turned(loaded.images[rest], angle) for angle in ANGLES]
    return (
        TaskData.from_arrays(np.concatenate(x), np.concatenate(y).astype(float), np.concatenate(task)),
        TaskData.from_arrays(
            np.concatenate(tests),
            np.tile(loaded.target[rest], len(ANGLES)).astype(float),
            np.repeat(np.arange(len(ANGLES)), len(rest)),
        ),
    )


def turned(images: np.ndarray, angle: float) -> np.ndarray:
    """Images turned by an angle in degrees, as rows."""
    flat: np.ndarray = rotate(images, angle, axes=(2, 1), reshape=False, order=1).reshape(len(images), -1)
    return flat / 16.0


def _svi(quick: bool) -> SVI:
    steps = 300 if quick else 2000
    return SVI(steps=steps, particles=1, draws=200, progress=False, compile=not quick)
