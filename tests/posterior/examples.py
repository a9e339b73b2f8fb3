"""Posteriors without a fit: draws of the prior take the place of an inference's."""

from typing import Any

import numpy as np
import torch

from bayes_mtl import MultiTaskModel, Posterior, TaskData
from bayes_mtl.likelihoods import AbstractLikelihood, Gaussian
from bayes_mtl.posterior import FitRecord, build_posterior
from bayes_mtl.priors import AbstractTaskPrior, Hierarchical
from bayes_mtl.testing._site_draws import draw_sites


def make_data(tasks: int = 3, features: int = 2, rows: int = 6, **options: Any) -> TaskData:
    """Numbers, far from standardised: targets around 100, features of very different scales."""
    random = np.random.default_rng(0)
    number = tasks * rows
    x = random.normal(size=(number, features)) * 10.0 ** np.arange(features) + 5.0
    y = 100.0 + 7.0 * random.normal(size=number)
    task = np.arange(number) % tasks
    names = [f"school {t}" for t in range(tasks)]
    return TaskData.from_arrays(x, y, task, task_names=names, **options)


def make_posterior(model: MultiTaskModel, data: TaskData, draws: int = 8, chains: int = 1) -> Posterior:
    """Draws of the prior, as an inference would hand them on."""
    program = model.program(data)
    sites = draw_sites(program, program.batch(data), draws=draws)
    record = FitRecord(
        method="prior",
        settings={"draws": str(draws)},
        seed=0,
        device="cpu",
        seconds=0.5,
        losses=np.array([3.0, 2.0]),
        observations=len(data),
        log_weights=torch.randn(draws).double().numpy(),
        chains=chains,
    )
    values = {name: value for name, value in sites.values.items() if name != "y"}
    return build_posterior(program, values, record)


def example(
    prior: AbstractTaskPrior | None = None,
    likelihood: AbstractLikelihood | None = None,
    draws: int = 8,
    **options: Any,
) -> tuple[Posterior, TaskData]:
    """A posterior with its data."""
    data = make_data(**options)
    model = MultiTaskModel(prior or Hierarchical(), likelihood or Gaussian())
    return make_posterior(model, data, draws), data
