"""How often the check warns of fits that are right: data from the model, inference that is exact enough."""

import os

import numpy as np
from pyro.distributions import HalfNormal, Normal
from scipy.stats import binom

from bayes_mtl import MultiTaskModel, TaskData
from bayes_mtl.diagnostics import check
from bayes_mtl.inference import Collapsed
from bayes_mtl.likelihoods import Gaussian
from bayes_mtl.priors import Hierarchical

FITS = 60 if os.environ.get("BAYES_MTL_SLOW") == "1" else 6
TASKS, ROWS = 40, 8
MODEL = MultiTaskModel(
    Hierarchical(mean=Normal(0.0, 1.0), scale=HalfNormal(1.0), covariance="diagonal"),
    Gaussian(),
    standardize=False,
)


def simulated(seed: int) -> TaskData:
    """From the model itself, its hyperparameters drawn from their priors."""
    rng = np.random.default_rng(seed)
    mean, scale, noise = rng.normal(size=2), np.abs(rng.normal(size=2)), np.abs(rng.normal())
    weights = mean + scale * rng.normal(size=(TASKS, 2))
    task, x = np.repeat(np.arange(TASKS), ROWS), rng.normal(size=TASKS * ROWS)
    y = weights[task, 0] + weights[task, 1] * x + noise * rng.normal(size=len(x))
    return TaskData.from_arrays(x[:, None], y, task)


def test_at_most_a_tenth_of_good_fits_is_flagged() -> None:
    flagged = []
    for seed in range(FITS):
        data = simulated(seed)
        report = check(Collapsed(draws=500).run(MODEL, data, seed=seed), data)
        flagged += [] if report.healthy else [f"{seed}: {report.findings[0].title}"]
    # were it a tenth, more would be seen once in a hundred times
    assert len(flagged) <= binom.ppf(0.99, FITS, 0.1), flagged
