"""Planted clusters of tasks: are they found, and are surplus clusters emptied?"""

import time

import numpy as np
from sklearn.metrics import adjusted_rand_score

from bayes_mtl import MultiTaskModel, Posterior, fit
from bayes_mtl.datasets import clustered_tasks
from bayes_mtl.likelihoods import Gaussian
from bayes_mtl.priors import TaskClustering
from benchmarks._report import Report, arguments


def assignment(posterior: Posterior) -> np.ndarray:
    """Posterior mean of every task's cluster probabilities, ``[tasks, clusters]``."""
    return posterior.draws["assignment"].double().numpy().mean(0)


def main() -> None:
    """Ten seeds of three separated clusters."""
    options = arguments(__doc__ or "")
    report = Report("clusters")
    priors = {
        "3 clusters": TaskClustering(3),
        "10, sparse": TaskClustering(10, weights_prior="sparse"),
        "10, stick-breaking": TaskClustering(10, weights_prior="stick-breaking"),
    }
    for name, prior in priors.items():
        for seed in range(2 if options.quick else 10):
            data, truth = clustered_tasks(seed=seed)
            began = time.perf_counter()
            posterior = fit(MultiTaskModel(prior, Gaussian()), data, seed=seed)
            seconds = time.perf_counter() - began
            probabilities = assignment(posterior)
            score = adjusted_rand_score(truth.labels, probabilities.argmax(1))
            report.add(f"planted 3, seed {seed}", name, "adjusted Rand index", score)
            occupied = int((probabilities.sum(0) > 0.5).sum())
            report.add(f"planted 3, seed {seed}", name, "clusters with half a task", occupied)
            report.add(f"planted 3, seed {seed}", name, "seconds", seconds, None, "s")
    report.finish()


if __name__ == "__main__":
    main()
