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
from scipy.special import logsumexp
from scipy.stats import binom

from bayes_mtl import MultiTaskModel, TaskData
from bayes_mtl.inference import SVI, AbstractInference, Collapsed
from bayes_mtl.likelihoods import Gaussian
from bayes_mtl.priors import AbstractTaskPrior, Hierarchical, Independent, LowRank, Pooled, TaskClustering
from benchmarks._report import Report, arguments, outside_data

LEVELS = (0.5, 0.8, 0.95)


def methods(quick: bool) -> dict[str, tuple[AbstractTaskPrior, AbstractInference]]:
    """Prior and inference by name."""
    svi = partial(SVI, progress=False, particles=1, steps=300 if quick else 3000)
    return {
        "pooled, Collapsed": (Pooled(), Collapsed()),
        "independent, Collapsed": (Independent(HalfNormal(1.0)), Collapsed()),
        "hierarchical, Collapsed": (Hierarchical(), Collapsed()),
        "hierarchical diagonal, Coll.": (Hierarchical(covariance="diagonal"), Collapsed()),
        "low rank 3, Collapsed": (LowRank(3), Collapsed()),
        "clusters 3, Collapsed": (TaskClustering(3), Collapsed()),
        "hierarchical, SVI": (Hierarchical(), svi()),
        "hierarchical, SVI AutoNormal": (Hierarchical(), svi(guide=AutoNormal)),
    }


def main() -> None:
    """Run all methods on all splits."""
    options = arguments(__doc__ or "")
    folder = outside_data("school")
    if folder is None:
        return
    stored = np.load(folder / "argyriou_splits.npz")
    # The last column is constant: the intercept that the library adds itself.
    x, y, task = stored["X"][:, :-1], stored["y"].astype(float), stored["task"].astype(int)
    masks = np.unpackbits(stored["train_mask"], axis=1)[:, : len(y)].astype(bool)
    splits = masks[:2] if options.quick else masks
    report = Report("school")
    for name, (prior, inference) in methods(options.quick).items():
        if options.only and not any(part in name for part in options.only):
            continue
        found: dict[str, list[float]] = {}
        inside = {level: np.zeros(task.max() + 1) for level in LEVELS}
        rows = np.zeros(task.max() + 1)
        for seed, train in enumerate(splits):
            test = ~train
            data = TaskData.from_arrays(x[train], y[train], task[train])
            began = time.perf_counter()
            posterior = inference.run(MultiTaskModel(prior, Gaussian()), data, seed=seed)
            found.setdefault("seconds", []).append(time.perf_counter() - began)
            held_out = TaskData.from_arrays(x[test], y[test], task[test])
            log = posterior.log_likelihood(held_out)
            density = (logsumexp(log, axis=0) - np.log(len(log))).mean()
            found.setdefault("log density a row", []).append(density)
            for level in LEVELS:
                predicted = posterior.predict(held_out, level=level)
                hit = (predicted.lower <= held_out.y) & (held_out.y <= predicted.upper)
                inside[level] += np.bincount(held_out.task, hit, minlength=len(rows))
                found.setdefault(f"coverage {level:.0%}", []).append(100 * hit.mean())
            rows += np.bincount(held_out.task, minlength=len(rows))
            for metric, value in explained(held_out.y, predicted.mean, held_out.task).items():
                found.setdefault(metric, []).append(value)
        for metric, values in found.items():
            unit = {"seconds": "s", "log density a row": "nats"}.get(metric, "%")
            report.add("School", name, metric, np.mean(values), np.std(values), unit)
        for level in LEVELS:
            low, high = binom.interval(0.99, rows.astype(int), level)
            share = 100 * ((inside[level] >= low) & (inside[level] <= high)).mean()
            report.add("School", name, f"schools in band {level:.0%}", share, None, "%")
    report.finish()


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
