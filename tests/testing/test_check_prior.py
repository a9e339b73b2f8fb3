"""Priors that break their contract in one place each, and the error that says so."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import pyro
import pytest
import torch
from pyro.distributions import HalfNormal, LogNormal, Normal
from torch import Tensor

from bayes_mtl._errors import BayesMTLError, InputTypeError, UnsupportedError
from bayes_mtl._shapes import Dims
from bayes_mtl.likelihoods import Gaussian, StudentT
from bayes_mtl.priors import AbstractGaussianTaskPrior, AbstractTaskPrior, Hierarchical, Moments
from bayes_mtl.testing import CheckFailed, check_prior
from tests.posterior.own_classes import OwnPrior


@dataclass(frozen=True)
class Right(AbstractTaskPrior):
    """A correct prior to break: a normal population, written as a plain Pyro program."""

    def weights(self, dims: Dims) -> Tensor:
        mean = pyro.sample("mean", Normal(0.0, 1.0).expand(dims.weights).to_event(2))
        with dims.plate():
            return pyro.sample("own", Normal(0.0, 1.0).expand(dims.weights).to_event(2)) + mean

    def new_weights(self, dims: Dims) -> Tensor:
        return self.weights(dims)


class Transposed(Right):
    def weights(self, dims: Dims) -> Tensor:
        return (
            super().weights(dims).mT.contiguous() if dims.outputs > 1 else super().weights(dims).squeeze(-1)
        )


class FirstAxis(Right):
    """Right without particles: the axis of tasks is counted from the left."""

    def weights(self, dims: Dims) -> Tensor:
        weights = super().weights(dims)
        order = torch.arange(weights.shape[0])
        return weights + weights.detach()[order].mean(0, keepdim=True)


class OtherPlate(Right):
    def weights(self, dims: Dims) -> Tensor:
        mean = pyro.sample("mean", Normal(0.0, 1.0).expand(dims.weights).to_event(2))
        with pyro.plate("outer", dims.tasks, dim=-2):
            own = pyro.sample("own", Normal(0.0, 1.0).expand(dims.weights).to_event(2))
        return own.squeeze(-3) + mean


class NotIndependent(Right):
    """An axis that is no plate and not declared as part of the event."""

    def weights(self, dims: Dims) -> Tensor:
        mean = pyro.sample("mean", Normal(torch.zeros(dims.features), 1.0))
        return (
            super().weights(dims)
            if mean is None
            else mean.unsqueeze(-1) + torch.zeros(dims.tasks, *dims.weights)
        )


class Unused(Right):
    def weights(self, dims: Dims) -> Tensor:
        pyro.sample("idle", Normal(0.0, 1.0))
        return super().weights(dims)


class Detached(Right):
    def weights(self, dims: Dims) -> Tensor:
        scale = pyro.sample("scale", HalfNormal(1.0))
        return super().weights(dims) * scale.detach()[..., None, None]


class InfiniteGradient(Right):
    def weights(self, dims: Dims) -> Tensor:
        weights = super().weights(dims)
        zero = (weights - weights.detach()).abs().sqrt()
        return weights + zero


class Numpy(Right):
    def weights(self, dims: Dims) -> Tensor:
        jitter = np.random.normal()  # noqa: NPY002
        return super().weights(dims) + jitter


class Seeding(Right):
    def weights(self, dims: Dims) -> Tensor:
        torch.manual_seed(0)
        return super().weights(dims)


class Branching(Right):
    """Takes another path where a sampled value is negative."""

    def weights(self, dims: Dims) -> Tensor:
        weights = super().weights(dims)
        return weights if float(weights.sum()) > 0 else -weights


class SilentRefusal(Right):
    def new_weights(self, dims: Dims) -> Tensor:
        raise UnsupportedError("No.")


class CrashOnNew(Right):
    def new_weights(self, dims: Dims) -> Tensor:
        raise KeyError("own")


class SharedNew(Right):
    """Draws one new task and repeats it."""

    def new_weights(self, dims: Dims) -> Tensor:
        mean = pyro.sample("mean", Normal(0.0, 1.0).expand(dims.weights).to_event(2))
        own = pyro.sample("fresh", Normal(0.0, 1.0).expand(dims.weights).to_event(2))
        weights = mean + own
        return weights.expand(*weights.shape[:-3], dims.tasks, *dims.weights)


class Asymmetric(Right):
    def relatedness(self, draws: Mapping[str, Tensor], dims: Dims) -> Tensor:
        return torch.arange(dims.tasks**2).float().reshape(1, dims.tasks, dims.tasks).expand(3, -1, -1)


class OtherRelatedness(Right):
    def relatedness(self, draws: Mapping[str, Tensor], dims: Dims) -> Tensor:
        return super().relatedness(draws, dims).mean(0)


class RandomRelatedness(Right):
    def relatedness(self, draws: Mapping[str, Tensor], dims: Dims) -> Tensor:
        return super().relatedness(draws, dims) + 0 * torch.rand(())


class LosesSites(Right):
    def align(self, draws: Mapping[str, Tensor], dims: Dims) -> dict[str, Tensor]:
        return {"weights": draws["weights"]}


class DerivesLess(Right):
    def derive(self, draws: Mapping[str, Tensor], dims: Dims) -> dict[str, Tensor]:
        return {"size": draws["weights"].norm()}


class WrongNames(Right):
    dim_names: ClassVar[Mapping[str, tuple[str, ...]]] = {"mean": ("feature",)}


class NoFloat64(Right):
    def weights(self, dims: Dims) -> Tensor:
        mixing = torch.eye(dims.outputs) * 1.5
        return super().weights(dims) @ mixing


@dataclass(frozen=True)
class OtherMoments(AbstractGaussianTaskPrior):
    """Samples with twice the spread that it states."""

    def moments(self, dims: Dims) -> Moments:
        scale = pyro.sample("scale", LogNormal(0.0, 0.1).expand(dims.weights).to_event(2))
        return Moments(torch.zeros_like(scale), scale)

    def weights(self, dims: Dims) -> Tensor:
        stated = self.moments(dims)
        with dims.plate():
            noise = pyro.sample("noise", Normal(0.0, 1.0).expand(dims.weights).to_event(2))
        return stated.mean + 1.3 * stated.scale * noise


@dataclass(frozen=True)
class FeaturesOnly(AbstractGaussianTaskPrior):
    """Forgets the axis of outputs."""

    def moments(self, dims: Dims) -> Moments:
        scale = pyro.sample("scale", HalfNormal(1.0).expand([dims.features]).to_event(1))
        return Moments(torch.zeros_like(scale), scale)


BROKEN: dict[type[AbstractTaskPrior], str] = {
    Transposed: r"weights: expected shape \(4, 3, 1\), found \(4, 3\)",
    FirstAxis: "log-density of .y. of 3 particles at once|weights of 3 particles|a gradient",
    OtherPlate: "plate|weights|particles",
    NotIndependent: "validation|several particles|weights",
    Unused: "to depend on 'idle', found a gradient of 0",
    Detached: "to depend on 'scale', found a gradient of 0",
    InfiniteGradient: "gradient at .* expected finite numbers",
    Numpy: "found those of numpy used or seeded",
    Seeding: "expected other draws from another seed, found the same",
    Branching: "log-density|capturing|captured",
    SilentRefusal: "an UnsupportedError that gives the reason",
    CrashOnNew: "weights of 3 new tasks: expected no error, found KeyError",
    SharedNew: "one draw for each new task",
    Asymmetric: "relatedness: expected finite symmetric matrices",
    OtherRelatedness: r"relatedness: expected shape \(3, 4, 4\)",
    RandomRelatedness: "found those of torch used or seeded",
    LosesSites: r"align: expected every site with its shape, found .*'mean'",
    DerivesLess: "derived quantity 'size'",
    WrongNames: r"dim_names\['mean'\]: expected 2 names",
    NoFloat64: "several particles at once: expected no error, found RuntimeError",
    OtherMoments: "covariance of the sampled weights given the hyperparameters",
    FeaturesOnly: "weights",
}


@pytest.mark.parametrize("kind", BROKEN, ids=lambda kind: kind.__name__)
def test_a_broken_rule_is_named(kind: type[AbstractTaskPrior]) -> None:
    with pytest.raises(CheckFailed, match=BROKEN[kind]) as caught:
        check_prior(kind(), likelihood=Gaussian())
    text = str(caught.value)
    assert text.startswith(kind.__name__)
    assert "expected" in text and "found" in text and text.endswith(".")
    assert isinstance(caught.value, AssertionError) and isinstance(caught.value, BayesMTLError)


@pytest.mark.parametrize("prior", [Right(), OwnPrior()], ids=["plain", "gaussian"])
def test_own_priors_that_keep_the_contract_pass(prior: AbstractTaskPrior) -> None:
    check_prior(prior)


def test_another_likelihood_may_be_asked_for() -> None:
    check_prior(Hierarchical(covariance="diagonal"), likelihood=StudentT())


@pytest.mark.usefixtures("unchecked")
def test_a_class_is_not_a_prior() -> None:
    with pytest.raises(InputTypeError, match="prior: expected an instance of AbstractTaskPrior"):
        check_prior(Hierarchical)  # type: ignore[arg-type]


def test_the_random_state_is_left_alone() -> None:
    state = torch.get_rng_state()
    check_prior(Hierarchical(covariance="diagonal"))
    assert torch.equal(state, torch.get_rng_state())
