"""Posteriors to plot, made without fits: their draws are written down."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import torch

from bayes_mtl import MultiTaskModel, Posterior, TaskData
from bayes_mtl.likelihoods import AbstractLikelihood, Bernoulli, Categorical, Gaussian, Poisson
from bayes_mtl.posterior import FitRecord, build_posterior
from bayes_mtl.priors import AbstractTaskPrior, Hierarchical

DRAWS = 100


def names(tasks: int) -> list[str]:
    return [f"school {i:03d}" for i in range(tasks)]


def gaussian_data(tasks: int = 5, rows: int = 8) -> TaskData:
    """Two features; task ``t`` has ``rows + t`` rows, intercept ``t / tasks`` and slopes 1 and -1."""
    rng = np.random.default_rng(0)
    task = np.repeat(np.arange(tasks), rows + np.arange(tasks))
    x = rng.normal(size=(len(task), 2))
    y = task / tasks + x[:, 0] - x[:, 1] + 0.3 * rng.normal(size=len(task))
    return TaskData.from_arrays(x, y, np.array(names(tasks))[task], feature_names=["age", "intake"])


def posterior(
    data: TaskData,
    prior: AbstractTaskPrior | None = None,
    likelihood: AbstractLikelihood | None = None,
    record: FitRecord | None = None,
) -> Posterior:
    """Draws of the prior passed off as a posterior."""
    prior, likelihood = prior or Hierarchical(), likelihood or Gaussian()
    program = MultiTaskModel(prior, likelihood).program(data)
    batch = program.batch(data)
    torch.manual_seed(0)
    latents = [_latents(lambda: program.latents(batch)) for _ in range(DRAWS)]
    stacked = {name: torch.stack([one[name] for one in latents]) for name in latents[0]}
    record = record or FitRecord("made up", {}, 0, "cpu", 0.0, observations=len(data))
    return build_posterior(program, stacked, record)


def _latents(program: Callable[[], object]) -> dict[str, torch.Tensor]:
    from pyro import poutine

    with torch.no_grad(), poutine.trace() as traced:
        program()
    return {
        name: site["value"] if site["cond_indep_stack"] else site["value"].unsqueeze(0)
        for name, site in traced.trace.nodes.items()
        if site["type"] == "sample" and not poutine.util.site_is_subsample(site)
    }


def with_losses(
    given: Posterior, losses: np.ndarray, method: str = "SVI", stopped: str = "plateau"
) -> Posterior:
    return given.with_record(losses=losses, method=method, stopped=stopped)


def counts_data(tasks: int = 4) -> TaskData:
    data = gaussian_data(tasks)
    return replace(data, y=np.round(np.exp(data.y / 2)))


def class_data(classes: int, tasks: int = 4) -> TaskData:
    data = gaussian_data(tasks)
    label = np.digitize(data.y, np.quantile(data.y, np.arange(1, classes) / classes))
    text = np.array([f"class {k}" for k in range(classes)])[label]
    return TaskData.from_arrays(
        data.x, text, np.array(data.schema.tasks)[data.task], feature_names=list(data.schema.features)
    )


LIKELIHOODS: dict[str, tuple[Callable[[], TaskData], AbstractLikelihood]] = {
    "gaussian": (gaussian_data, Gaussian()),
    "poisson": (counts_data, Poisson()),
    "two classes": (lambda: class_data(2), Bernoulli()),
    "three classes": (lambda: class_data(3), Categorical()),
}
