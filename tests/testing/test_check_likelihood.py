"""Likelihoods that break their contract in one place each, and the error that says so."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import pyro
import pytest
import torch
from pyro.distributions import (
    Categorical,
    Distribution,
    HalfNormal,
    LogNormal,
    Normal,
    TransformedDistribution,
)
from torch import Tensor
from torch.distributions.transforms import AffineTransform

from bayes_mtl import TaskData
from bayes_mtl._errors import InputError, InputTypeError
from bayes_mtl._shapes import Dims
from bayes_mtl.data import Batch
from bayes_mtl.likelihoods import AbstractLikelihood, Bernoulli, Gaussian, Mixed
from bayes_mtl.testing import CheckFailed, check_likelihood
from tests.likelihoods.cases import CASES
from tests.posterior.own_classes import OwnLikelihood

LIKELIHOODS = {name: (case.likelihood, case.data()) for name, case in CASES.items()}


@pytest.mark.parametrize("name", LIKELIHOODS)
def test_every_likelihood_keeps_its_contract(name: str) -> None:
    likelihood, data = LIKELIHOODS[name]
    check_likelihood(likelihood, data)


@pytest.mark.parametrize(
    "likelihood",
    [case.likelihood for case in CASES.values()]
    + [Mixed({"t0": Bernoulli()}, default=Gaussian()), OwnLikelihood()],
    ids=[*CASES, "mixed", "own"],
)
def test_data_are_found_where_none_are_given(likelihood: AbstractLikelihood) -> None:
    check_likelihood(likelihood)


@dataclass(frozen=True)
class Right(AbstractLikelihood):
    """A correct likelihood to break."""

    name: ClassVar[str] = "right"

    def check_targets(self, data: TaskData) -> None:
        pass

    def working_response(self, data: TaskData) -> np.ndarray:
        return (data.y - data.y.mean())[:, None]

    def parameters(self, dims: Dims) -> dict[str, Tensor]:
        return {"scale": pyro.sample("scale", LogNormal(0.0, 0.3))}

    def distribution(self, f: Tensor, batch: Batch, parameters: Mapping[str, Tensor]) -> Distribution:
        return Normal(f[..., 0], parameters["scale"])


class FromTheLeft(Right):
    def distribution(self, f: Tensor, batch: Batch, parameters: Mapping[str, Tensor]) -> Distribution:
        return Normal(f[:, 0], parameters["scale"])


class OwnAxis(Right):
    """A parameter whose axis is in the way of particles."""

    def parameters(self, dims: Dims) -> dict[str, Tensor]:
        return {"scale": pyro.sample("scale", HalfNormal(1.0).expand([2]).to_event(1))}

    def distribution(self, f: Tensor, batch: Batch, parameters: Mapping[str, Tensor]) -> Distribution:
        return Normal(f[..., 0], parameters["scale"].sum(-1))


class Idle(Right):
    def parameters(self, dims: Dims) -> dict[str, Tensor]:
        return {**super().parameters(dims), "idle": pyro.sample("idle", Normal(0.0, 1.0))}


class WithoutJacobian(Right):
    """Targets are twice what the density is of."""

    def distribution(self, f: Tensor, batch: Batch, parameters: Mapping[str, Tensor]) -> Distribution:
        base = Normal(f[..., 0], parameters["scale"])

        class Forgetful(TransformedDistribution):
            def log_prob(self, value: Tensor) -> Tensor:
                return base.log_prob(value / 2)

        return Forgetful(base, [AffineTransform(0.0, 2.0)])


class OtherDraws(Right):
    def distribution(self, f: Tensor, batch: Batch, parameters: Mapping[str, Tensor]) -> Distribution:
        scale = parameters["scale"]

        class Wide(Normal):
            def sample(self, sample_shape: Any = ()) -> Tensor:
                return Normal(self.loc, 1.5 * self.scale).sample(sample_shape)

        return Wide(f[..., 0], scale)


class OtherMean(Right):
    def mean(self, f: Tensor, batch: Batch, parameters: Mapping[str, Tensor]) -> Tensor:
        return f[..., 0] + 0.5


class OtherProbabilities(Right):
    discrete: ClassVar[bool] = True

    def outputs(self, data: TaskData) -> int:
        return 3

    def check_targets(self, data: TaskData) -> None:
        if not set(data.y.tolist()) <= {0.0, 1.0, 2.0}:
            raise InputError("y: expected classes, found others. Pass classes.")

    def working_response(self, data: TaskData) -> np.ndarray:
        return np.eye(3)[data.y.astype(int)]

    def parameters(self, dims: Dims) -> dict[str, Tensor]:
        return {}

    def distribution(self, f: Tensor, batch: Batch, parameters: Mapping[str, Tensor]) -> Distribution:
        return Categorical(logits=f)

    def mean(self, f: Tensor, batch: Batch, parameters: Mapping[str, Tensor]) -> Tensor:
        return torch.full(f.shape[:-1], torch.nan)

    def probabilities(self, f: Tensor, batch: Batch, parameters: Mapping[str, Tensor]) -> Tensor:
        return f.sigmoid()


class FlippedProbabilities(OtherProbabilities):
    def probabilities(self, f: Tensor, batch: Batch, parameters: Mapping[str, Tensor]) -> Tensor:
        return f.softmax(-1).flip(-1)


class SaysDiscrete(Right):
    discrete: ClassVar[bool] = True


class ZeroSpread(Right):
    def location(self, data: TaskData) -> tuple[np.ndarray, np.ndarray]:
        shift, spread = super().location(data)
        return shift, 0 * spread


class FlatResponse(Right):
    def working_response(self, data: TaskData) -> np.ndarray:
        return data.y


class RandomResponse(Right):
    def working_response(self, data: TaskData) -> np.ndarray:
        return np.random.normal(size=(len(data), 1))  # noqa: NPY002


class Impossible(Right):
    """Draws that its own density excludes."""

    def distribution(self, f: Tensor, batch: Batch, parameters: Mapping[str, Tensor]) -> Distribution:
        class Positive(Normal):
            def log_prob(self, value: Tensor) -> Tensor:
                return torch.where(value > self.loc - 2.5 * self.scale, super().log_prob(value), -torch.inf)

        return Positive(f[..., 0], parameters["scale"] + 10.0)


class Choosy(Right):
    def check_targets(self, data: TaskData) -> None:
        raise InputError("y: expected something else, found this. Pass other targets.")


BROKEN: dict[type[AbstractLikelihood], str] = {
    FromTheLeft: "log-density of several particles at once",
    OwnAxis: "particle",
    Idle: "gradient in idle: expected finite numbers, not all 0, found none",
    WithoutJacobian: "probability of an interval by the density",
    OtherDraws: "probability of an interval by the density",
    OtherMean: "mean: expected that of draws",
    OtherProbabilities: "class probabilities: expected a sum of 1",
    FlippedProbabilities: "probability of class 0",
    SaysDiscrete: "whole numbers, since it says discrete",
    ZeroSpread: "spread: expected above 0",
    FlatResponse: r"working_response: expected finite numbers of shape \(24, 1\), found shape \(24,\)",
    RandomResponse: "found those of numpy used or seeded",
    Impossible: "log-density of the likelihood's own draws",
    Choosy: "a likelihood that accepts numbers, counts or classes",
}


@pytest.mark.usefixtures("unchecked")
@pytest.mark.parametrize("kind", BROKEN, ids=lambda kind: kind.__name__)
def test_a_broken_rule_is_named(kind: type[AbstractLikelihood]) -> None:
    with pytest.raises(CheckFailed, match=BROKEN[kind]) as caught:
        check_likelihood(kind())
    assert str(caught.value).startswith(kind.__name__)


def test_the_right_one_passes() -> None:
    check_likelihood(Right())


@pytest.mark.usefixtures("unchecked")
def test_a_class_is_not_a_likelihood() -> None:
    with pytest.raises(InputTypeError, match="likelihood: expected an instance"):
        check_likelihood(Gaussian)  # type: ignore[arg-type]
