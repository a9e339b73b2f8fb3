"""Evidence with the population's mean and fixed weights integrated out, against dense normal densities."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pyro
import pytest
import torch
from pyro.distributions import HalfNormal, Normal, StudentT
from torch import Tensor
from torch.distributions import MultivariateNormal

from bayes_mtl import MultiTaskModel, TaskData
from bayes_mtl._seed import seeded
from bayes_mtl._shapes import Dims
from bayes_mtl.inference._collapsed_program import CollapsedProgram
from bayes_mtl.inference._marginal_program import MarginalProgram
from bayes_mtl.inference._shared_weights import SharedWeights, shared_weights
from bayes_mtl.likelihoods import Gaussian
from bayes_mtl.priors import (
    AbstractGaussianTaskPrior,
    AbstractTaskPrior,
    Hierarchical,
    Moments,
)
from bayes_mtl.testing._prior_moments import implied
from bayes_mtl.testing._site_draws import SiteDraws, draw_sites, log_densities, together
from tests.crossed import crossed
from tests.inference.test_evidence import DATA, KINDS, LIKELIHOODS, make_data, observed, stated
from tests.priors.cases import JOINT

MEANS = {"pooled", "hierarchical", "hierarchical_diagonal", "tree_of_scales", "low_rank"}
OTHERS = {"independent", "independent_learned", "group_sparse", "horseshoe", "student_t"}
OTHERS |= {"group_lasso", "normal_inverse_gaussian"}
"""Without a mean of the population: only fixed weights are shared. Of the rest, tasks are correlated given
their hyperparameters, or mixtures."""


def names_of(prior: str, data: TaskData) -> list[str]:
    return ["mean"] * (prior in MEANS) + ["fixed"] * bool(data.schema.fixed)


CASES = [(name, case) for name in sorted(MEANS | OTHERS) for case in ("plain", "fixed")]


def marginal(
    prior: AbstractTaskPrior, likelihood: Gaussian, data: TaskData, draws: int = 3
) -> tuple[MarginalProgram, SiteDraws]:
    collapsed = CollapsedProgram(MultiTaskModel(prior, likelihood).program(data), data)
    sites = shared_weights(collapsed.program, collapsed.prior, collapsed.dims)
    assert sites is not None
    found = MarginalProgram(collapsed, sites)
    return found, draw_sites(found, draws=draws).to(torch.float64)


@dataclass(frozen=True, eq=False)
class Dense:
    """All rows as one normal: ``y ~ N(offset + own w + shared u, noise)``, ``w ~ N(mean, covariance)``."""

    response: Tensor
    own: Tensor
    mean: Tensor
    covariance: Tensor
    shared: Tensor
    noise: Tensor

    @property
    def marginal(self) -> Tensor:
        spread = self.own @ self.covariance @ self.own.mT + self.shared @ self.shared.mT
        return spread + self.noise.square().diag()


def dense(found: MarginalProgram, data: TaskData, values: Mapping[str, Tensor]) -> Dense:
    """At one draw of the hyperparameters."""
    collapsed, dims = found.collapsed, found.collapsed.dims
    every = {**values, **{site.name: site.loc.reshape(site.shape) for site in found.sites}}
    design, response, sd = observed(collapsed, data, every)
    moments, _, _ = stated(collapsed, every)
    mean, covariance = implied(moments, dims)
    wide = torch.zeros(len(data), dims.tasks, dims.features, dtype=design.dtype)
    wide[torch.arange(len(data)), torch.as_tensor(data.task)] = design
    scaling, width = collapsed.program.scaling, len(data.schema.features)
    fixed = torch.as_tensor((data.x - scaling.x_mean) / scaling.x_sd)[:, width:]
    columns = [
        design[:, :0],
        *((fixed if site.fixed else design) * site.scale for site in found.sites),
    ]
    return Dense(response, wide.flatten(1), mean, covariance, torch.cat(columns, 1), sd)


def oracle(found: MarginalProgram, data: TaskData, values: Mapping[str, Tensor]) -> Tensor:
    normal = dense(found, data, values)
    jacobian = np.log(found.collapsed.program.scaling.spread[data.task, 0]).sum()
    return MultivariateNormal(normal.own @ normal.mean, normal.marginal).log_prob(normal.response) - jacobian


@pytest.mark.parametrize(("name", "kind"), crossed(sorted(MEANS | OTHERS), KINDS))
def test_the_evidence_is_the_dense_density(name: str, kind: str) -> None:
    noise, case = KINDS[kind]
    likelihood = LIKELIHOODS[noise]
    if "noise" in DATA[case]:
        likelihood = replace(likelihood, noise="known")
    data = make_data(**DATA[case])
    found, draws = marginal(JOINT[name], likelihood, data)
    assert [site.name for site in found.sites] == names_of(name, data)
    with torch.no_grad():
        densities = log_densities(together(found, (), draws), draws.number)["evidence"]
        for s in range(draws.number):
            expected = oracle(found, data, draws.one(s))
            # rows are roots of what their products hold, which is half of the digits
            assert torch.isclose(densities[s % len(densities)], expected, rtol=1e-8, atol=0)


@pytest.mark.parametrize(("name", "case"), CASES)
def test_gradients_are_those_of_the_dense_density(name: str, case: str) -> None:
    data = make_data(**DATA[case])
    found, draws = marginal(JOINT[name], Gaussian(noise="task"), data)
    leaves = {site: value.clone().requires_grad_() for site, value in draws.values.items()}
    at = SiteDraws(leaves, draws.plated)
    total = log_densities(together(found, (), at), draws.number)["evidence"].sum()
    expected = sum((oracle(found, data, at.one(s)) for s in range(draws.number)), torch.zeros(()))
    ours = torch.autograd.grad(total, list(leaves.values()), materialize_grads=True)
    theirs = torch.autograd.grad(expected, list(leaves.values()), materialize_grads=True)
    assert any(bool(b.ne(0).any()) for b in theirs)
    for site, a, b in zip(leaves, ours, theirs, strict=True):
        # the two sums cancel by some digits
        assert torch.allclose(a, b, rtol=1e-6, atol=1e-6 * float(b.abs().max() + 1)), site


@pytest.mark.parametrize(("name", "case"), CASES)
def test_draws_have_the_posteriors_moments(name: str, case: str) -> None:
    """Shared weights and the weights of all tasks together, given two draws of the hyperparameters."""
    data = make_data(**DATA[case])
    found, draws = marginal(JOINT[name], Gaussian(), data, draws=2)
    number = 20_000
    for each in (1, number):  # as from a sample of hyperparameters, and as from a mode
        drawn: dict[str, list[Tensor]] = {}
        for s in range(2):
            given = {k: v[s : s + 1].repeat_interleave(number // each, 0) for k, v in draws.values.items()}
            with torch.no_grad(), seeded(s):
                values = found.draw(given or {"_none": torch.zeros(number // each, 1)}, each)
            for site, value in values.items():
                drawn.setdefault(site, []).append(value.reshape(number, -1))
        for s in range(2):
            both = torch.cat([drawn["weights"][s], *[drawn[site.name][s] for site in found.sites]], -1)
            _agrees(both, *_posterior(found, dense(found, data, draws.one(s))))


def _posterior(found: MarginalProgram, normal: Dense) -> tuple[Tensor, Tensor]:
    """Of all weights, then of the shared ones: both are linear in deviations and white shared weights."""
    size, scales = len(normal.mean), torch.cat([normal.mean[:0], *[site.scale for site in found.sites]])
    prior = torch.block_diag(normal.covariance, torch.eye(len(scales), dtype=scales.dtype))
    linear = torch.block_diag(torch.eye(size, dtype=scales.dtype), scales.diag())
    if found.sites and not found.sites[0].fixed:
        features = found.collapsed.dims.features
        linear[:size, size : size + features] = scales[:features].diag().repeat(size // features, 1)
    rows = torch.cat([normal.own, normal.shared], 1)
    gain = torch.linalg.solve(normal.marginal, rows @ prior).mT
    center = gain @ (normal.response - normal.own @ normal.mean)
    start = torch.cat([normal.mean, *[site.loc for site in found.sites]])
    return start + linear @ center, linear @ (prior - gain @ rows @ prior) @ linear.mT


def _agrees(values: Tensor, mean: Tensor, covariance: Tensor) -> None:
    number = len(values)
    error = covariance.diagonal().clamp_min(0).sqrt() / number**0.5
    # 6 Monte-Carlo standard errors; rounding where there is no spread
    assert ((values.mean(0) - mean).abs() <= 6 * error + 1e-8).all()
    centred = values - mean
    products = centred.unsqueeze(-1) * centred.unsqueeze(-2)
    error = products.std(0) / number**0.5
    assert ((products.mean(0) - covariance).abs() <= 6 * error + 1e-8).all()


@dataclass(frozen=True)
class Named(AbstractGaussianTaskPrior):
    """A user's prior whose mean has a name of its own."""

    def moments(self, dims: Dims) -> Moments:
        scale = pyro.sample("spread", HalfNormal(1.0).expand(dims.weights).to_event(2))
        middle = pyro.sample("middle", Normal(0.5, 2.0).expand(dims.weights).to_event(2))
        return Moments(1.0 + middle, scale)


@dataclass(frozen=True)
class Multiplied(AbstractGaussianTaskPrior):
    """Its mean is a product, and linear in neither of its parts for all values of the other."""

    def moments(self, dims: Dims) -> Moments:
        scale = pyro.sample("spread", HalfNormal(1.0).expand(dims.weights).to_event(2))
        middle = pyro.sample("middle", Normal(0.0, 1.0).expand(dims.weights).to_event(2))
        return Moments(middle * scale, scale)


@dataclass(frozen=True)
class Widening(AbstractGaussianTaskPrior):
    """Tasks differ the more the larger their mean is."""

    def moments(self, dims: Dims) -> Moments:
        middle = pyro.sample("middle", Normal(0.0, 1.0).expand(dims.weights).to_event(2))
        return Moments(middle, (0.1 * middle).exp())


@dataclass(frozen=True)
class Loose(AbstractGaussianTaskPrior):
    """How far its mean may be from zero is itself unknown."""

    def moments(self, dims: Dims) -> Moments:
        reach = pyro.sample("reach", HalfNormal(1.0))[..., None, None]
        middle = pyro.sample("middle", Normal(0.0 * reach, reach).expand(dims.weights).to_event(2))
        return Moments(middle, 1.0 + 0.0 * middle)


@dataclass(frozen=True)
class Leaning(AbstractGaussianTaskPrior):
    """Its mean says how large its spread may be."""

    def moments(self, dims: Dims) -> Moments:
        middle = pyro.sample("middle", Normal(0.0, 1.0).expand(dims.weights).to_event(2))
        scale = pyro.sample("spread", HalfNormal(middle.exp()).to_event(2))
        return Moments(middle, scale)


def sites(prior: AbstractTaskPrior, **options: Any) -> tuple[SharedWeights, ...] | None:
    data = make_data(**options)
    collapsed = CollapsedProgram(MultiTaskModel(prior, Gaussian()).program(data), data)
    return shared_weights(collapsed.program, collapsed.prior, collapsed.dims)


def test_a_mean_is_known_by_what_it_does() -> None:
    found, *others = sites(Named()) or ()
    assert not others
    assert found.name == "middle"
    assert found.loc.tolist() == [0.5] * 3
    assert found.scale.tolist() == [2.0] * 3
    assert found.shape == (3, 1)


@pytest.mark.parametrize(
    "prior", [Multiplied(), Widening(), Loose(), Leaning(), Hierarchical(mean=StudentT(4.0, 0.0, 1.0))]
)
def test_what_the_rows_are_not_normal_in_stays(prior: AbstractTaskPrior) -> None:
    assert sites(prior) == ()


@pytest.mark.parametrize("name", sorted(set(JOINT) - MEANS - OTHERS))
def test_mixtures_and_correlated_tasks_keep_all_sites(name: str) -> None:
    assert sites(JOINT[name], varying=["x1"]) is None
