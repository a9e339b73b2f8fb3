"""School exam scores, ten standard splits: explained variance, log density, coverage and seconds.

Explained variance is ``1 - MSE / Var(test targets)`` (total variance), in per cent; the variance around
each school's own mean and the mean of the schools' own values are printed beside it, since the three are
far apart for the same predictions.
"""

import time
from functools import partial

import numpy as np
from pyro.distributions import HalfNormal
from pyro.infer.autoguide import AutoNormal
from scipy.stats import binom

from bayes_mtl import MultiTaskModel, TaskData
from bayes_mtl.inference import SVI, AbstractInference, Collapsed
from bayes_mtl.likelihoods import Gaussian
from bayes_mtl.priors import AbstractTaskPrior, Hierarchical, Independent, LowRank, Pooled, TaskClustering
from benchmarks._report import Report, arguments
from benchmarks._school_data import pupils

LEVELS = (0.5, 0.8, 0.95)


def methods(quick: bool) -> dict[str, tuple[AbstractTaskPrior, AbstractInference, Gaussian]]:
    """Prior, inference and likelihood by name."""
    shared = Gaussian()
    svi = partial(SVI, progress=False, particles=1, steps=300 if quick else 3000)
    return {
        "pooled, Collapsed": (Pooled(), Collapsed(), shared),
        "independent, Collapsed": (Independent(HalfNormal(1.0)), Collapsed(), shared),
        "hierarchical, Collapsed": (Hierarchical(), Collapsed(), shared),
        "hierarchical diagonal, Coll.": (Hierarchical(covariance="diagonal"), Collapsed(), shared),
        "low rank 3, Collapsed": (LowRank(3), Collapsed(), shared),
        "hier., school noise, Coll.": (Hierarchical(), Collapsed(), Gaussian(noise="task")),
        "clusters 3, Collapsed": (TaskClustering(3), Collapsed(), shared),
        "hierarchical, SVI": (Hierarchical(), svi(), shared),
        "hierarchical, SVI AutoNormal": (Hierarchical(), svi(guide=AutoNormal), shared),
    }


def main() -> None:
    """Run all methods on all splits."""
    options = arguments(__doc__ or "")
    stored = pupils()
    if stored is None:
        return
    x, y, task, masks = stored
    splits = masks[:2] if options.quick else masks
    report = Report("school")
    for name, (prior, inference, likelihood) in methods(options.quick).items():
        if options.only and not any(part in name for part in options.only):
            continue
        found: dict[str, list[float]] = {}
        for seed, train in enumerate(splits):
            test = ~train
            data = TaskData.from_arrays(x[train], y[train], task[train])
            began = time.perf_counter()
            posterior = inference.run(MultiTaskModel(prior, likelihood), data, seed=seed)
            found.setdefault("seconds", []).append(time.perf_counter() - began)
            held_out = TaskData.from_arrays(x[test], y[test], task[test])
            found.setdefault("log density a row", []).append(posterior.score(held_out).mean)
            for level in LEVELS:
                predicted = posterior.predict(held_out, level=level)
                hit = (predicted.lower <= held_out.y) & (held_out.y <= predicted.upper)
                found.setdefault(f"coverage {level:.0%}", []).append(100 * hit.mean())
                share = within_band(hit, held_out.task, level)
                found.setdefault(f"schools in band {level:.0%}", []).append(share)
            for metric, value in explained(held_out.y, predicted.mean, held_out.task).items():
                found.setdefault(metric, []).append(value)
        for metric, values in found.items():
            unit = {"seconds": "s", "log density a row": "nats"}.get(metric, "%")
            report.add("School", name, metric, np.mean(values), np.std(values), unit)
    report.finish()


def within_band(hit: np.ndarray, task: np.ndarray, level: float) -> float:
    """Per cent of the schools whose count of covered rows lies in the 99 % band of its binomial.

    For one split: the same pupils come back in other splits, which makes their counts dependent.
    """
    rows = np.bincount(task)
    low, high = binom.interval(0.99, rows, level)
    covered = np.bincount(task, hit)
    return 100 * float(((covered >= low) & (covered <= high))[rows > 0].mean())


def explained(y: np.ndarray, mean: np.ndarray, task: np.ndarray) -> dict[str, float]:
    """Explained variance by its three definitions in use, in per cent."""
    squares = (y - mean) ** 2
    counts = np.bincount(task)
    own = np.bincount(task, y) / counts
    within = np.bincount(task, (y - own[task]) ** 2)
    by_task = 1 - np.bincount(task, squares)[within > 0] / within[within > 0]
    return {
        "explained, total": 100 * (1 - squares.mean() / y.var()),
        "explained, around schools": 100 * (1 - squares.sum() / within.sum()),
        "explained, mean of schools": 100 * float(by_task.mean()),
    }


if __name__ == "__main__":
    main()
