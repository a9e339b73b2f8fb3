"""Guides with and without parameters of each task, on many tasks in small batches: who comes closer?

Simulated tasks of ten rows and three features. Of Gaussian ones the exact posterior of the weights is known
(`Collapsed`); of all the truth is, which says how much worse than it new rows are predicted.
"""

import time
from typing import Any

import numpy as np
import torch

from bayes_mtl import MultiTaskModel, Posterior, TaskData
from bayes_mtl.inference import SVI, AutoAmortised, Collapsed
from bayes_mtl.likelihoods import Bernoulli, Gaussian
from bayes_mtl.priors import Hierarchical
from benchmarks._report import Report, arguments

ROWS, NEW, FEATURES = 10, 4, 3
GUIDES: dict[str, Any] = {"AutoTaskBlocks": None, "AutoAmortised": AutoAmortised}


class Problem:
    """Tasks whose weights lie around 0.5, and new rows of each."""

    def __init__(self, tasks: int, binary: bool) -> None:
        random = np.random.default_rng(0)
        self.weights = random.normal(0.5, 0.6, (tasks, FEATURES + 1))
        self.task, self.new_task = (np.repeat(np.arange(tasks), n) for n in (ROWS, NEW))
        self.x, self.new_x = (
            random.normal(size=(len(task), FEATURES)) for task in (self.task, self.new_task)
        )
        f = self.weights[self.task, 0] + (self.x * self.weights[self.task, 1:]).sum(1)
        noise = random.logistic(size=len(f)) if binary else random.normal(size=len(f))
        self.data = TaskData.from_arrays(self.x, (f + noise > 0) * 1.0 if binary else f + noise, self.task)
        prior = Hierarchical(covariance="diagonal")
        self.model = MultiTaskModel(prior, Bernoulli() if binary else Gaussian(), standardize=False)
        self.binary = binary

    def loss(self, posterior: Posterior) -> float:
        """Expected nats, or squares, a new row above those of the truth."""
        weights = posterior.draws["weights"][..., 0]
        new = torch.as_tensor(self.new_x, dtype=weights.dtype)
        f = weights[:, self.new_task, 0] + (new * weights[:, self.new_task, 1:]).sum(-1)
        truth = self.weights[self.new_task, 0] + (self.new_x * self.weights[self.new_task, 1:]).sum(1)
        if not self.binary:
            return float(((f.mean(0).numpy() - truth) ** 2).mean())
        p, q = torch.sigmoid(f).mean(0).double().numpy(), 1.0 / (1.0 + np.exp(-truth))
        return float((q * np.log(q / p) + (1.0 - q) * np.log((1.0 - q) / (1.0 - p))).mean())


def main() -> None:
    """Both guides on each problem, with the same seed and rule for stopping."""
    options = arguments(__doc__ or "", tasks=(20_000, "number of tasks"), steps=(20_000, "most steps"))
    tasks, steps = (600, 300) if options.quick else (options.tasks, options.steps)
    report = Report("amortised")
    for binary in (False, True):
        problem = Problem(tasks, binary)
        case = f"{tasks:,} tasks, {'logistic' if binary else 'Gaussian'}"
        exact = None if binary else Collapsed(draws=500).run(problem.model, problem.data)
        for name, guide in GUIDES.items():
            svi = SVI(guide=guide, batch_size=min(1_024, tasks // 6), steps=steps, draws=200, progress=False)
            began = time.process_time()
            posterior = svi.run(problem.model, problem.data, seed=0)
            report.add(case, name, "seconds of CPU", time.process_time() - began, unit="s")
            report.add(case, name, "steps", len(posterior.record.losses))
            report.add(case, name, "loss of new rows above the truth's", problem.loss(posterior))
            report.add(case, name, "mean of the scales", float(posterior.draws["scale"].mean()))
            if exact is not None:
                own, known = posterior.draws["weights"], exact.draws["weights"]
                distance = ((own.mean(0) - known.mean(0)) / known.std(0)).abs().mean()
                report.add(case, name, "means from the exact ones, in sd", float(distance))
                report.add(case, name, "sd over the exact ones", float((own.std(0) / known.std(0)).mean()))
        if exact is not None:
            report.add(case, "Collapsed", "loss of new rows above the truth's", problem.loss(exact))
    report.finish()


if __name__ == "__main__":
    main()
