"""The default guide: a Gaussian whose precision has the sparsity of a multi-task posterior."""

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pyro
import pytest
import torch
from pyro import poutine
from pyro.distributions import LogNormal, MultivariateNormal, Normal
from pyro.poutine.util import site_is_subsample
from torch import Tensor

from bayes_mtl.inference import AutoTaskBlocks

TASKS, ROWS, SIZE = 3, 4, 2
OFFSET, SPREAD, NOISE = 0.3, 0.7, 0.5

random = np.random.default_rng(5)
X = torch.as_tensor(random.normal(size=(TASKS, ROWS, SIZE)))
Y = torch.as_tensor(random.normal(size=(TASKS, ROWS)) + 0.5)


def linear() -> None:
    """Weights of tasks around a common mean: Gaussian throughout."""
    mean = pyro.sample("mean", Normal(X.new_tensor(OFFSET), 1.0).expand([SIZE]).to_event(1))
    with pyro.plate("tasks", TASKS, dim=-1):
        weights = pyro.sample("weights", Normal(mean, SPREAD).to_event(1))
        pyro.sample("y", Normal((X * weights.unsqueeze(-2)).sum(-1), NOISE).to_event(1), obs=Y)


def positive() -> None:
    """The same of logarithms: Gaussian on the unconstrained scale."""
    mean = pyro.sample("mean", LogNormal(X.new_tensor(OFFSET), 1.0).expand([SIZE]).to_event(1))
    with pyro.plate("tasks", TASKS, dim=-1):
        weights = pyro.sample("weights", LogNormal(mean.log(), SPREAD).to_event(1))
        pyro.sample("y", Normal((X * weights.log().unsqueeze(-2)).sum(-1), NOISE).to_event(1), obs=Y)


def closed_form() -> tuple[Tensor, Tensor, float]:
    """Mean and covariance of ``(mean, weights of each task)``, and the log evidence."""
    eye, between = torch.eye(SIZE, dtype=X.dtype), 1 / SPREAD**2
    total = SIZE * (1 + TASKS)
    precision, linear_term = torch.zeros(total, total, dtype=X.dtype), torch.zeros(total, dtype=X.dtype)
    precision[:SIZE, :SIZE] = (1 + TASKS * between) * eye
    linear_term[:SIZE] = OFFSET
    for t in range(TASKS):
        own = slice(SIZE * (1 + t), SIZE * (2 + t))
        precision[own, own] = between * eye + X[t].mT @ X[t] / NOISE**2
        precision[own, :SIZE] = precision[:SIZE, own] = -between * eye
        linear_term[own] = X[t].mT @ Y[t] / NOISE**2
    covariance = torch.linalg.inv(precision)
    rows = torch.block_diag(*X)
    between_rows = SPREAD**2 * rows @ rows.mT + X.flatten(0, 1) @ X.flatten(0, 1).mT
    marginal = MultivariateNormal(
        OFFSET * X.flatten(0, 1).sum(-1), between_rows + NOISE**2 * torch.eye(TASKS * ROWS, dtype=X.dtype)
    )
    return covariance @ linear_term, covariance, float(marginal.log_prob(Y.flatten()))


@dataclass
class Flat:
    """A guide's parameters as one Gaussian: ``z = loc + root e``."""

    loc: Tensor
    root: Tensor

    @classmethod
    def of(cls, guide: AutoTaskBlocks) -> "Flat":
        def lower(i: int) -> Tensor:
            unit = getattr(guide, f"lower_{i}").tril(-1) + torch.eye(SIZE, dtype=X.dtype)
            return getattr(guide, f"log_scale_{i}").exp().unsqueeze(-1) * unit

        root = torch.block_diag(lower(0), *lower(1))
        root[SIZE:, :SIZE] = guide.coupling_1.flatten(0, 1)
        return cls(torch.cat([guide.loc_0, guide.loc_1.flatten()]).detach(), root.detach())


def made(program: Callable[[], None]) -> AutoTaskBlocks:
    guide = AutoTaskBlocks(program)
    guide()
    return guide.double()


def traces(
    guide: AutoTaskBlocks, program: Callable[[], None], noise: Tensor
) -> tuple[poutine.Trace, poutine.Trace]:
    """Guide and program at standard normal noise ``[particles, size]``, all particles at once."""
    blocks = {"_block_0": noise[:, None, :SIZE], "_block_1": noise[:, SIZE:].reshape(-1, TASKS, SIZE)}
    with pyro.plate("particles", len(noise), dim=-2):
        drawn = poutine.trace(poutine.condition(guide, data=blocks)).get_trace()
        return drawn, poutine.trace(poutine.replay(program, trace=drawn)).get_trace()


def elbo(guide: AutoTaskBlocks, program: Callable[[], None]) -> Tensor:
    """Exact where the log-density is quadratic: the points have mean 0 and covariance I."""
    size = SIZE * (1 + TASKS)
    points = math.sqrt(size) * torch.eye(size, dtype=X.dtype)
    drawn, trace = traces(guide, program, torch.cat([points, -points]))
    return (trace.log_prob_sum() - drawn.log_prob_sum()) / (2 * size)


@pytest.mark.parametrize("program", [linear, positive])
def test_optimum_is_the_closed_form(program: Callable[[], None]) -> None:
    guide = made(program)
    optimiser = torch.optim.LBFGS(
        guide.parameters(), max_iter=400, tolerance_grad=1e-9, tolerance_change=1e-14,
        line_search_fn="strong_wolfe",
    )  # fmt: skip

    def closure() -> Tensor:
        optimiser.zero_grad()
        loss = -elbo(guide, program)
        loss.backward()
        return loss

    optimiser.step(closure)
    mean, covariance, evidence = closed_form()
    found = Flat.of(guide)
    # The optimiser's gradient is below 1e-5 at the end, and the target's curvature about 1 to 20.
    torch.testing.assert_close(found.loc, mean, atol=1e-4, rtol=0)
    torch.testing.assert_close(found.root @ found.root.mT, covariance, atol=1e-4, rtol=0)
    # The guide holds the posterior, so the bound is tight.
    assert float(elbo(guide, program).detach()) == pytest.approx(evidence, abs=1e-6)


@pytest.mark.parametrize("program", [linear, positive])
def test_density_is_that_of_its_gaussian(program: Callable[[], None]) -> None:
    guide = made(program)
    with torch.no_grad():
        for parameter in guide.parameters():
            parameter += 0.5 * torch.randn_like(parameter)
    noise = torch.randn(5, SIZE * (1 + TASKS), dtype=X.dtype)
    drawn, _ = traces(guide, program, noise)
    values = torch.cat([drawn.nodes["mean"]["value"], drawn.nodes["weights"]["value"]], -2).flatten(1)
    constrained = program is positive
    flat = values.log() if constrained else values
    gaussian = Flat.of(guide)
    torch.testing.assert_close(flat, gaussian.loc + noise @ gaussian.root.mT)
    dense = MultivariateNormal(gaussian.loc, scale_tril=gaussian.root)
    expected = dense.log_prob(flat) - (flat.sum(-1) if constrained else 0.0)
    drawn.compute_log_prob()
    sites = [site["log_prob"] for site in drawn.nodes.values() if "log_prob" in site]
    torch.testing.assert_close(sum(s.expand(5, -1).sum(-1) for s in sites if s.dim() == 2), expected)


def test_particles_together_equal_particles_one_by_one() -> None:
    guide = made(linear)
    with torch.no_grad():
        guide.coupling_1 += torch.randn_like(guide.coupling_1)
    noise = torch.randn(4, SIZE * (1 + TASKS), dtype=X.dtype)
    drawn, trace = traces(guide, linear, noise)
    totals = 0.0
    for i, one in enumerate(noise):
        blocks = {"_block_0": one[:SIZE], "_block_1": one[SIZE:].reshape(TASKS, SIZE)}
        alone = poutine.trace(poutine.condition(guide, data=blocks)).get_trace()
        for name in ("mean", "weights"):
            together = drawn.nodes[name]["value"][i].reshape(alone.nodes[name]["value"].shape)
            torch.testing.assert_close(together, alone.nodes[name]["value"])
        totals += poutine.trace(poutine.replay(linear, trace=alone)).get_trace().log_prob_sum()
        totals -= alone.log_prob_sum()
    torch.testing.assert_close(trace.log_prob_sum() - drawn.log_prob_sum(), totals)


def test_starts_at_the_given_values() -> None:
    start = {"mean": torch.tensor([0.5, 2.0]), "weights": torch.full((TASKS, SIZE), 3.0)}
    guide = AutoTaskBlocks(positive, start, init_scale=0.01)
    guide()
    torch.testing.assert_close(guide.loc_0.detach(), start["mean"].log())
    torch.testing.assert_close(guide.loc_1.detach(), start["weights"].log())
    torch.testing.assert_close(guide.log_scale_0.detach(), torch.full((SIZE,), math.log(0.01)))


def test_large_blocks_are_diagonal() -> None:
    guide = AutoTaskBlocks(linear, largest_block=SIZE - 1)
    guide()
    names = {name for name, _ in guide.named_parameters()}
    assert names == {"loc_0", "log_scale_0", "lower_0", "loc_1", "log_scale_1"}


def global_only() -> None:
    pyro.sample("a", Normal(0.0, 1.0))
    pyro.sample("b", Normal(torch.zeros(3), 1.0).to_event(1))


def tasks_only() -> None:
    with pyro.plate("tasks", TASKS, dim=-1):
        pyro.sample("a", Normal(0.0, 1.0))
        pyro.sample("b", Normal(torch.zeros(3), 1.0).to_event(1))


def two_plates() -> None:
    pyro.sample("g", Normal(0.0, 1.0))
    with pyro.plate("tasks", TASKS, dim=-1):
        pyro.sample("one/a", Normal(0.0, 1.0))
    with pyro.plate("others", 5, dim=-1):
        pyro.sample("two/b", LogNormal(torch.zeros(3), 1.0).to_event(1))


@pytest.mark.parametrize("program", [global_only, tasks_only, two_plates])
def test_any_blocks(program: Callable[[], None]) -> None:
    guide = AutoTaskBlocks(program)
    guide()
    sites = poutine.trace(program).get_trace().iter_stochastic_nodes()
    expected = {name: site["value"].shape for name, site in sites if not site_is_subsample(site)}
    assert {name: value.shape for name, value in guide().items()} == expected
    with pyro.plate("particles", 7, dim=-2):
        drawn = poutine.trace(guide).get_trace()
        trace = poutine.trace(poutine.replay(program, trace=drawn)).get_trace()
    for name in expected:
        own = drawn.nodes[name]["value"]
        assert own is trace.nodes[name]["value"]
        assert own.shape[0] == 7
    assert math.isfinite((trace.log_prob_sum() - drawn.log_prob_sum()).detach())
