"""Every guide that SVI offers on every prior, and starting values that a prior does not allow."""

import math
from collections.abc import Callable
from contextlib import nullcontext
from functools import partial
from typing import Any

import numpy as np
import pyro
import pytest
import torch
from pyro.distributions import Delta, HalfNormal, LogNormal, Normal, TransformedDistribution, Uniform
from pyro.infer.autoguide import (
    AutoDelta,
    AutoLowRankMultivariateNormal,
    AutoMultivariateNormal,
    AutoNormal,
)

from bayes_mtl import MultiTaskModel, TaskData
from bayes_mtl.inference import SVI
from bayes_mtl.inference._sites import Site, latent_sites
from bayes_mtl.inference._start import start_values
from bayes_mtl.likelihoods import Gaussian
from bayes_mtl.priors import Hierarchical, Independent
from tests.crossed import crossed
from tests.inference import cases
from tests.priors.cases import JOINT

STEPS, DRAWS = 4, 6


def own_function(program: Any) -> Callable[[Any], None]:
    """Independent Gaussians on the unconstrained scale, as one would write them by hand."""
    sites: list[Site] = []

    def sample(site: Site) -> None:
        loc = pyro.param(f"{site.name}_loc", lambda: site.start)
        noise = Normal(loc, 0.1).to_event(loc.dim() - (site.plate is not None))
        if noise.event_dim == site.event_dim:
            pyro.sample(site.name, TransformedDistribution(noise, [site.transform]))
        else:  # a transform that changes the number of axes would be in the way: a point
            pyro.sample(site.name, Delta(site.transform(loc), event_dim=site.event_dim))

    def guide(batch: Any) -> None:
        if not sites:
            sites.extend(latent_sites(program, (batch,), {}))
        plates = {plate: pyro.plate(*plate, dim=-1) for plate in {site.plate for site in sites} if plate}
        for site in sites:
            with plates[site.plate] if site.plate else nullcontext():
                sample(site)

    return guide


GUIDES: dict[str, Callable[[Any], Any] | None] = {
    "default": None,
    "normal": AutoNormal,
    "low rank": partial(AutoLowRankMultivariateNormal, rank=3),
    "full rank": AutoMultivariateNormal,
    "point": AutoDelta,
    "function": own_function,
}


def with_task_features() -> TaskData:
    data = cases.rows()
    return TaskData.from_arrays(
        data.x, data.y, data.task, task_features=np.linspace(-1.0, 1.0, 5).reshape(5, 1)
    )


DATA = with_task_features()


@pytest.mark.parametrize(("prior", "guide"), crossed(JOINT, GUIDES))
def test_every_guide_on_every_prior(prior: str, guide: str) -> None:
    svi = SVI(guide=GUIDES[guide], steps=STEPS, draws=DRAWS, progress=False)
    posterior = svi.run(MultiTaskModel(JOINT[prior], Gaussian()), DATA)
    losses = posterior.record.losses
    assert len(losses) == STEPS and np.isfinite(losses).all()
    assert posterior.draws["weights"].shape == (DRAWS, 5, 3, 1)
    for name, value in posterior.draws.items():
        assert value.shape[0] == DRAWS and value.shape[1] in (1, 5), name
        assert torch.isfinite(value).all(), name
    assert np.isfinite(posterior.record.log_weights).all()


@pytest.mark.parametrize("guide", ["default", "normal", "full rank"])
def test_starting_values_outside_of_the_support_are_left_out(guide: str) -> None:
    # The estimates of the mean are negative for one feature, those of the scale below 3.
    prior = Hierarchical(mean=LogNormal(0.0, 1.0), scale=Uniform(3.0, 4.0))
    posterior = SVI(guide=GUIDES[guide], steps=STEPS, draws=DRAWS, progress=False).run(
        MultiTaskModel(prior, Gaussian()), DATA
    )
    assert np.isfinite(posterior.record.losses).all()
    assert (posterior.draws["mean"] > 0).all()
    assert ((posterior.draws["scale"] > 3) & (posterior.draws["scale"] < 4)).all()


def test_a_start_on_the_edge_of_the_support_is_left_out() -> None:
    def program() -> None:
        pyro.sample("scale", HalfNormal(1.0))

    for value in (0.0, -1.0, math.inf, math.nan):
        (site,) = latent_sites(program, (), {"scale": torch.tensor(value)})
        assert 0 < abs(float(site.start)) <= 0.1, value


@pytest.mark.parametrize("prior", [Independent(scale=2.0), Independent(scale=HalfNormal(1.0))])
def test_independent_tasks_start_at_their_ridge_estimates(prior: Independent) -> None:
    program = MultiTaskModel(prior, Gaussian()).program(DATA)
    values = start_values(program, DATA)
    weights = values["weights_noise"] * values.get("scale", torch.tensor(2.0))
    x = torch.tensor((DATA.x - program.scaling.x_mean) / program.scaling.x_sd)
    y = torch.tensor(DATA.y.reshape(-1) - program.scaling.shift[DATA.task, 0]) / program.scaling.spread[0, 0]
    pooled, _ = cases.ridge_posterior(x, y, 1.0, noise=1.0)
    for task in range(5):
        rows = torch.as_tensor(DATA.task == task)
        left = y[rows] - pooled[0] - x[rows] @ pooled[1:]
        own, _ = cases.ridge_posterior(x[rows], left, 1.0, noise=1.0)  # ridge towards the pooled estimate
        torch.testing.assert_close(weights[task, :, 0].double(), pooled + own, rtol=1e-5, atol=1e-6)
