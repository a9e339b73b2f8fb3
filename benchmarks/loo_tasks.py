"""Leaving each task out by importance sampling against fitting again without it: same answer, what time?

Exam (65 schools) and radon (85 counties), a population of tasks with the weights integrated out and a
Gaussian around the mode of the hyperparameters. Each task is left out twice: by `loo_tasks`, and by a fit to
all others, whose hyperparameters then give the density of the task's rows. Nothing is standardised, so that
both sides know the same.
"""

import time

import numpy as np
from scipy.special import logsumexp

from bayes_mtl import MultiTaskModel, TaskData
from bayes_mtl._psis import psis
from bayes_mtl.datasets import exam, radon
from bayes_mtl.diagnostics import loo_tasks
from bayes_mtl.diagnostics._task_evidence import exact_evidence
from bayes_mtl.inference import Collapsed
from bayes_mtl.likelihoods import Gaussian
from bayes_mtl.posterior import Posterior
from bayes_mtl.priors import Hierarchical
from benchmarks._report import Report, arguments

MODEL = MultiTaskModel(Hierarchical(covariance="diagonal"), Gaussian(), standardize=False)
INFERENCE = Collapsed(draws=1000)


def data_sets() -> dict[str, TaskData]:
    """Both of them."""
    return {
        "Exam": TaskData.from_frame(exam(), y="score", task="school", x=["intake"]),
        "radon": TaskData.from_frame(radon(), y="log_radon", task="county", x=["floor"]),
    }


def without(data: TaskData, task: int, whole: Posterior) -> tuple[float, float]:
    """Log-density of a task's rows by a fit to the others, and the seconds of that fit."""
    others = data.subset(data.task != task)
    kept = [t for t in range(len(data.schema.tasks)) if t != task]
    names = np.asarray(data.schema.tasks, dtype=object)
    rows = TaskData.from_arrays(
        others.x, others.y, names[others.task], task_names=names[kept], feature_names=data.schema.features
    )
    began = time.perf_counter()
    fitted = INFERENCE.run(MODEL, rows, seed=1)
    seconds = time.perf_counter() - began
    shared = {name: value for name, value in fitted.draws.items() if name != "weights"}
    asked = Posterior(whole.program, {**shared, "weights": whole.draws["weights"]}, whole.record)
    density = exact_evidence(asked, data)[:, task]
    weights = fitted.record.log_weights
    weights = np.zeros(len(density)) if weights is None else weights
    smoothed, k = psis(weights)
    smoothed = smoothed if k <= 0.7 else np.full(len(density), -np.log(len(density)))
    return float(logsumexp(smoothed + density)), seconds


def main() -> None:
    """Both data sets."""
    options = arguments(__doc__ or "")
    report = Report("loo_tasks")
    for name, data in data_sets().items():
        if options.only and not any(part in name for part in options.only):
            continue
        fitted = INFERENCE.run(MODEL, data, seed=0)
        loo_tasks(fitted, data)  # what is loaded at first use
        began = time.perf_counter()
        found = loo_tasks(fitted, data)
        seconds = time.perf_counter() - began
        tasks = range(4 if options.quick else len(found))
        refits = [without(data, t, fitted) for t in tasks]
        brute = np.array([density for density, _ in refits])
        difference = found.elpd[list(tasks)] - brute
        scatter = float(np.sqrt(len(brute)) * found.elpd[list(tasks)].std())
        total = float(np.sum([taken for _, taken in refits])) * len(found) / len(brute)
        report.add(name, "importance sampling", "elpd", found.elpd[list(tasks)].sum(), scatter, "nats")
        report.add(name, "fits without", "elpd", brute.sum(), None, "nats")
        report.add(name, "difference", "elpd", difference.sum(), None, "nats")
        report.add(name, "difference", "standard errors", abs(difference.sum()) / scatter)
        report.add(name, "difference", "largest of a task", np.abs(difference).max(), None, "nats")
        reliable = ~found.unreliable[list(tasks)]
        report.add(
            name, "difference", "largest, k below limit", np.abs(difference[reliable]).max(), None, "nats"
        )
        report.add(name, "importance sampling", "unreliable tasks", int((~reliable).sum()))
        report.add(name, "importance sampling", "seconds", seconds, None, "s")
        report.add(name, "fits without", "seconds", total, None, "s")
        report.add(name, "difference", "times faster", total / seconds)
    report.finish()


if __name__ == "__main__":
    main()
