"""Captured and compiled steps against the uncompiled ones, under the same random numbers."""

import os
import random
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from pyro.infer.autoguide import AutoLowRankMultivariateNormal, AutoMultivariateNormal, AutoNormal
from torch import nn

from bayes_mtl import MultiTaskModel, TaskData
from bayes_mtl._seed import seeded
from bayes_mtl.inference import SVI
from bayes_mtl.inference._arguments import draw_from, next_arguments
from bayes_mtl.inference._batches_of import batches_of
from bayes_mtl.inference._compiled_step import CompiledStep
from bayes_mtl.inference._eager_step import EagerStep
from bayes_mtl.inference._learned import Learned
from bayes_mtl.inference._local import local_parameters
from bayes_mtl.inference._make_guide import make_guide
from bayes_mtl.inference._parts import Parts
from bayes_mtl.inference._prior_guide import renewal
from bayes_mtl.likelihoods import AbstractLikelihood, Gaussian
from bayes_mtl.model import on_device
from bayes_mtl.networks import MLP
from bayes_mtl.priors import AbstractTaskPrior, Hierarchical, Pooled
from bayes_mtl.testing._example_data import example_data
from tests.crossed import crossed
from tests.inference import cases
from tests.inference.cases import slow
from tests.inference.test_svi import own_function
from tests.likelihoods.cases import CASES
from tests.priors.cases import PRIORS

GUIDES: dict[str, Callable[[Any], Any] | None] = {
    "blocks": None,
    "normal": AutoNormal,
    "low_rank": partial(AutoLowRankMultivariateNormal, rank=2),
    "full_rank": AutoMultivariateNormal,
}
STEPS = 12


DEVICE = torch.device(os.environ.get("BAYES_MTL_DEVICE", "cpu"))


def trajectory(
    svi: SVI, model: MultiTaskModel, data: TaskData, *, captured: bool, compiled: bool = False
) -> tuple[list[float], list[torch.Tensor]]:
    """Losses and final parameters of a few steps with one kind of step; on a GPU, one CUDA graph."""
    with seeded(3), local_parameters():
        program = model.program(data).to(DEVICE)
        batches, _ = batches_of(program, data, svi.batch_size, svi.temperature, 0, DEVICE)
        with on_device(DEVICE):
            guide = make_guide(svi.guide, program, {})
            learned = Learned(program, guide, next_arguments(batches))
            optimiser = torch.optim.Adam(learned.groups(), lr=0.02, fused=True)
            parts = Parts(program, guide, batches, learned, optimiser, svi.particles)
            hooks = [hook for module in (guide, program) if (hook := renewal(module)) is not None]
            step: EagerStep | CompiledStep = EagerStep(parts)
            first = draw_from(batches)
            if captured:
                step = CompiledStep(parts, first, compiled=compiled, renewals=hooks)
            losses = []
            for number in range(STEPS):
                if number == STEPS // 2:
                    optimiser.param_groups[0]["lr"] = 0.01
                losses.append(float(step(draw_from(batches))))
                if not captured:
                    for renew in hooks:
                        renew()
            step.finish()
        counts = {float(entry["step"]) for entry in optimiser.state.values()}
        assert counts == {float(STEPS)}
    return losses, [value.detach().cpu().clone() for value in learned.tensors().values()]


def same(one: tuple[list[float], list[torch.Tensor]], other: tuple[list[float], list[torch.Tensor]]) -> None:
    # float32 sums in another order: a relative 1e-6 a step, which Adam's first steps, whose sizes depend
    # on the sign of the gradient alone, can turn into a fraction of the learning rate for a gradient near 0.
    np.testing.assert_allclose(one[0], other[0], rtol=2e-4)
    for a, b in zip(one[1], other[1], strict=True):
        close = torch.isclose(a.double(), b.double(), rtol=1e-3, atol=1e-3).double().mean()
        assert close > 0.97


@pytest.mark.parametrize("name", crossed(PRIORS, every=2))
def test_every_prior(name: str) -> None:
    prior: AbstractTaskPrior = PRIORS[name]
    data, model = example_data(Gaussian(), 4, 2), MultiTaskModel(prior, Gaussian())
    svi = SVI(particles=2)
    same(trajectory(svi, model, data, captured=False), trajectory(svi, model, data, captured=True))


@pytest.mark.parametrize("name", crossed(CASES, every=2))
def test_every_likelihood(name: str) -> None:
    likelihood: AbstractLikelihood = CASES[name].likelihood
    data, model = example_data(likelihood, 4, 2), MultiTaskModel(Hierarchical(), likelihood)
    svi = SVI(particles=1, batch_size=8)
    same(trajectory(svi, model, data, captured=False), trajectory(svi, model, data, captured=True))


@pytest.mark.parametrize(("name", "particles"), crossed(GUIDES, [1, 3], every=2))
def test_every_guide(name: str, particles: int) -> None:
    data, model = example_data(Gaussian(), 4, 2), MultiTaskModel(Hierarchical(), Gaussian())
    svi = SVI(particles=particles, guide=GUIDES[name], batch_size=8)
    same(trajectory(svi, model, data, captured=False), trajectory(svi, model, data, captured=True))


def test_a_guide_that_is_a_function() -> None:
    data, svi = cases.known(cases.rows()), SVI(particles=2, guide=own_function)
    plain = trajectory(svi, cases.pooled(), data, captured=False)
    same(plain, trajectory(svi, cases.pooled(), data, captured=True))
    # from 0 by Adam's steps of 0.02 and then 0.01, which go one way towards a weight far off: 0.18 at most
    assert float(plain[1][0].abs().max()) > 0.12


class WithDropout(nn.Module):
    """A network with random and with running quantities."""

    def __init__(self) -> None:
        super().__init__()
        self.body = MLP(2, [4, 3])
        self.norm, self.drop = nn.BatchNorm1d(3), nn.Dropout(0.2)
        self.out_features = 3

    def forward(self, x: torch.Tensor, row: Any, task: Any) -> torch.Tensor:
        return self.drop(self.norm(self.body(x, row, task)))


@pytest.mark.parametrize("network", [MLP(2, [4, 3]), WithDropout()], ids=["mlp", "dropout_and_norm"])
def test_networks(network: nn.Module) -> None:
    data = example_data(Gaussian(), 4, 2)
    model, svi = MultiTaskModel(Hierarchical(), Gaussian(), network=network), SVI(particles=1, batch_size=8)
    same(trajectory(svi, model, data, captured=False), trajectory(svi, model, data, captured=True))


def test_compiled_is_captured() -> None:
    """Machine code too draws torch's random numbers in the same order."""
    data, model = example_data(Gaussian(), 4, 2), MultiTaskModel(Hierarchical(), Gaussian())
    svi = SVI(particles=2, batch_size=8)
    plain = trajectory(svi, model, data, captured=False)
    same(plain, trajectory(svi, model, data, captured=True, compiled=True))
    assert len(set(plain[0])) == STEPS  # fresh noise at every step


@slow
@pytest.mark.parametrize("name", PRIORS)
def test_every_prior_as_machine_code(name: str) -> None:
    data, model = example_data(Gaussian(), 4, 2), MultiTaskModel(PRIORS[name], Gaussian())
    plain = trajectory(SVI(), model, data, captured=False)
    same(plain, trajectory(SVI(), model, data, captured=True, compiled=True))


@slow
@pytest.mark.parametrize("name", CASES)
def test_every_likelihood_as_machine_code(name: str) -> None:
    likelihood: AbstractLikelihood = CASES[name].likelihood
    data, model = example_data(likelihood, 4, 2), MultiTaskModel(Hierarchical(), likelihood)
    plain = trajectory(SVI(batch_size=8), model, data, captured=False)
    same(plain, trajectory(SVI(batch_size=8), model, data, captured=True, compiled=True))


def test_a_fit_compiled_and_resumed_uncompiled(tmp_path: Path) -> None:
    data, model = example_data(Gaussian(), 4, 2), MultiTaskModel(Pooled(), Gaussian())
    path = str(tmp_path / "fit.checkpoint")

    def fit(steps: int, *, compile: bool, checkpoint: str | None) -> np.ndarray:
        svi = SVI(steps=steps, compile=compile, checkpoint=checkpoint, checkpoint_every=10, progress=False)
        return svi.run(model, data).record.losses

    whole = fit(30, compile=False, checkpoint=None)
    first = fit(20, compile=True, checkpoint=path)
    both = fit(30, compile=False, checkpoint=path)
    assert len(first) == 20
    np.testing.assert_array_equal(both[:20], first)
    np.testing.assert_allclose(both, whole, rtol=1e-4)  # float32 sums in another order


class Branches(nn.Module):
    """A network that looks at its numbers."""

    out_features = 2

    def forward(self, x: torch.Tensor, row: Any, task: Any) -> torch.Tensor:
        return x if float(x.sum()) > 1e9 else -x


class OwnNoise(nn.Module):
    """A network with random numbers that torch does not know of."""

    out_features = 2

    def forward(self, x: torch.Tensor, row: Any, task: Any) -> torch.Tensor:
        return x * 100.0 * random.random()  # so that two draws are hardly ever alike


@pytest.mark.parametrize(
    ("network", "reason"), [(Branches(), "data dependent|data-dependent"), (OwnNoise(), "outside of torch")]
)
def test_what_cannot_be_captured_runs_uncompiled_and_says_why(network: nn.Module, reason: str) -> None:
    data, model = example_data(Gaussian(), 4, 2), MultiTaskModel(Pooled(), Gaussian(), network=network)
    with pytest.warns(UserWarning, match=f"SVI goes on uncompiled.*(?:{reason})"):
        posterior = SVI(steps=5, batch_size=8, compile=True, progress=False).run(model, data)
    assert len(posterior.record.losses) == 5


@pytest.mark.parametrize("flushed", [False, True])
def test_the_processor_is_left_as_it_was(flushed: bool) -> None:
    """A step takes numbers below the normal ones for 0; what comes after it does as it did before."""
    torch.set_flush_denormal(flushed)
    try:
        trajectory(SVI(), MultiTaskModel(Pooled(), Gaussian()), example_data(Gaussian()), captured=True)
        assert (float(torch.tensor(1e-39) * 1.0) == 0.0) is flushed
    finally:
        torch.set_flush_denormal(False)
