"""Digits under rotation: what tasks gain from each other, and a class that one of them lacks.

Four tasks are the images of scikit-learn's ``load_digits`` turned by 0, 30, 60 and 90 degrees; every image is
used for training in one task at most, and tested in all tasks if it was used in none. All methods have the
same network, one convolution, and the same likelihood and inference: shared by the tasks under the
Gumbel-softmax prior and in the pooled fit, one of its own for each task in the single-task fits. The spread
and the scales of the weights were chosen on training images held out (six other seeds, 5 images a class),
with a prototype in torch.
"""

import time
from dataclasses import dataclass

import numpy as np
from scipy.ndimage import rotate
from torch import nn

from bayes_mtl import MultiTaskModel, Posterior, TaskData
from bayes_mtl.inference import SVI
from bayes_mtl.likelihoods import Categorical
from bayes_mtl.priors import AbstractTaskPrior, GumbelSoftmax, Independent, Pooled
from benchmarks._convolution import Convolution
from benchmarks._report import Report

ANGLES = (0, 30, 60, 90)
OURS = "GumbelSoftmax"
MISSING = 3


@dataclass(frozen=True)
class Method:
    """A prior and the network below it."""

    prior: AbstractTaskPrior
    network: nn.Module


METHODS: dict[str, Method] = {
    OURS: Method(GumbelSoftmax(spread=0.2), Convolution()),
    "single tasks": Method(Independent(1.0), Convolution(tasks=len(ANGLES))),
    "pooled": Method(Pooled(), Convolution()),
}


def run(report: Report, quick: bool) -> None:
    """Accuracy by number of images, paired gains, and a class never seen."""
    seeds = range(2 if quick else 10)
    for images in (5,) if quick else (5, 10, 20):
        accuracy(report, images, seeds, quick)
    missing_class(report, seeds, quick)


def accuracy(report: Report, images: int, seeds: range, quick: bool) -> None:
    """All methods with one number of images, on every third test image: predictions take most of the time."""
    found: dict[str, list[float]] = {name: [] for name in METHODS}
    seconds: dict[str, list[float]] = {name: [] for name in METHODS}
    for seed in seeds:
        train, test = rotated_digits(images, seed)
        test = test.subset(np.arange(len(test)) % 3 == 0)
        for name in METHODS:
            began = time.perf_counter()
            posterior = fitted(name, train, seed, quick)
            seconds[name].append(time.perf_counter() - began)
            found[name].append(100 * hits(posterior, test).mean())
    case = f"digits, {images} images a class"
    for name, values in found.items():
        report.add(case, name, "accuracy", np.mean(values), np.std(values, ddof=1), "%")
        report.add(case, name, "seconds", np.mean(seconds[name]), None, "s")
    for name in list(METHODS)[1:]:
        gain = np.subtract(found[OURS], found[name])
        error = gain.std(ddof=1) / len(gain) ** 0.5
        report.add(case, f"gain over {name}", "mean (± standard error)", gain.mean(), error, "%")


def missing_class(report: Report, seeds: range, quick: bool) -> None:
    """One task after the other never sees one digit: accuracy on its images of it; chance is 10 %."""
    found: dict[str, list[float]] = {"of that class": [], "of the other nine": []}
    for seed in seeds:
        train, test = rotated_digits(10, seed)
        lacking = seed % len(ANGLES)
        train = train.subset((train.task != lacking) | (train.y != MISSING))
        own = test.subset(test.task == lacking)
        hit = hits(fitted(OURS, train, seed, quick), own)
        found["of that class"].append(100 * hit[own.y == MISSING].mean())
        found["of the other nine"].append(100 * hit[own.y != MISSING].mean())
    for metric, values in found.items():
        error = np.std(values, ddof=1) / len(values) ** 0.5
        report.add("a class never seen", OURS, f"{metric} (± s.e.)", np.mean(values), error, "%")


def fitted(name: str, train: TaskData, seed: int, quick: bool) -> Posterior:
    """The posterior of one method."""
    method = METHODS[name]
    svi = SVI(
        steps=200 if quick else 400,
        particles=1,
        learning_rate=0.02,
        draws=20,
        progress=False,
        compile=False,  # as fast as compiling for so few steps
    )
    model = MultiTaskModel(method.prior, Categorical(10), method.network, standardize=False)
    return svi.run(model, train, seed=seed)


def hits(posterior: Posterior, test: TaskData) -> np.ndarray:
    """``[observations]``: whether the most probable class is the right one."""
    probabilities = posterior.predict(test, kind="mean").probabilities
    assert probabilities is not None
    right: np.ndarray = probabilities.argmax(1) == test.y
    return right


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
