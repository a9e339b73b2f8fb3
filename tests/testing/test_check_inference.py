"""Inferences that break their contract in one place each, and the error that says so."""

from dataclasses import dataclass, replace

import numpy as np
import pyro
import pytest
import torch

from bayes_mtl import MultiTaskModel, Posterior, TaskData
from bayes_mtl._errors import InputTypeError
from bayes_mtl.inference import MAP, AbstractInference, Collapsed
from bayes_mtl.testing import CheckFailed, check_inference
from bayes_mtl.testing import _check_inference as module


@dataclass(frozen=True)
class Right(AbstractInference):
    """A correct inference to break: another one's."""

    def run(self, model: MultiTaskModel, data: TaskData, *, seed: int = 0) -> Posterior:
        if model.network is not None:
            return MAP(iterations=1, draws=5, progress=False).run(model, data, seed=seed)
        return MAP(progress=False).run(model, data, seed=seed)


class Shifted(Right):
    def run(self, model: MultiTaskModel, data: TaskData, *, seed: int = 0) -> Posterior:
        found = super().run(model, data, seed=seed)
        return replace(found, draws={**found.draws, "weights": found.draws["weights"] + 0.5})


class Narrow(Right):
    def run(self, model: MultiTaskModel, data: TaskData, *, seed: int = 0) -> Posterior:
        found = super().run(model, data, seed=seed)
        weights = found.draws["weights"]
        mean = weights.mean(0)
        return replace(found, draws={**found.draws, "weights": mean + 0.5 * (weights - mean)})


class IgnoresTheSeed(Right):
    def run(self, model: MultiTaskModel, data: TaskData, *, seed: int = 0) -> Posterior:
        return super().run(model, data, seed=0).with_record(seed=seed)


class OtherSeed(Right):
    def run(self, model: MultiTaskModel, data: TaskData, *, seed: int = 0) -> Posterior:
        return (
            super()
            .run(model, data, seed=np.random.default_rng().integers(1000).item())
            .with_record(seed=seed)
        )


class UsesTheCallers(Right):
    def run(self, model: MultiTaskModel, data: TaskData, *, seed: int = 0) -> Posterior:
        torch.manual_seed(seed)
        return super().run(model, data, seed=seed)


class ChangesData(Right):
    def run(self, model: MultiTaskModel, data: TaskData, *, seed: int = 0) -> Posterior:
        found = super().run(model, data, seed=seed)
        data.y[:] -= 1.0
        return found


class GlobalParameters(Right):
    def run(self, model: MultiTaskModel, data: TaskData, *, seed: int = 0) -> Posterior:
        pyro.param("loc", torch.zeros(2))
        return super().run(model, data, seed=seed)


class NoRecord(Right):
    def run(self, model: MultiTaskModel, data: TaskData, *, seed: int = 0) -> Posterior:
        return super().run(model, data, seed=seed).with_record(observations=0)


class TrainsTheNetwork(Right):
    def run(self, model: MultiTaskModel, data: TaskData, *, seed: int = 0) -> Posterior:
        if model.network is not None:
            with torch.no_grad():
                model.network.layers[0].weight += 1.0
        return super().run(model, data, seed=seed)


class Crashes(Right):
    def run(self, model: MultiTaskModel, data: TaskData, *, seed: int = 0) -> Posterior:
        raise ZeroDivisionError("by zero")


BROKEN: dict[type[AbstractInference], str] = {
    Shifted: "posterior mean of the weights of pooled tasks",
    Narrow: "posterior standard deviation of the weights of pooled tasks",
    IgnoresTheSeed: "runs with different seeds: expected different draws",
    OtherSeed: "two runs with the same seed: expected the same draws",
    UsesTheCallers: "found those of torch used or seeded",
    ChangesData: "data, model and settings as they were",
    GlobalParameters: r"Pyro's global parameters: expected none of the fit's, found \['loc'\]",
    NoRecord: "the record of the fit",
    TrainsTheNetwork: "the network of the model",
    Crashes: "run: expected no error, found ZeroDivisionError: by zero",
}


@pytest.mark.parametrize("kind", BROKEN, ids=lambda kind: kind.__name__)
def test_a_broken_rule_is_named(kind: type[AbstractInference]) -> None:
    with pytest.raises(CheckFailed, match=BROKEN[kind]) as caught:
        check_inference(kind())
    assert str(caught.value).startswith(kind.__name__)


@pytest.mark.parametrize(
    "inference", [Right(), Collapsed(), MAP(iterations=60, progress=False)], ids=["right", "collapsed", "map"]
)
def test_correct_inferences_pass(inference: AbstractInference) -> None:
    check_inference(inference)


def test_the_closed_form_is_the_one_of_a_grid() -> None:
    """Posterior moments by quadrature over two weights of one task."""
    data = module._data()
    mean, sd = module.closed_form(data, pooled=False)
    own = data.task == 1
    grid = np.linspace(-4, 4, 801)
    a, b = np.meshgrid(grid, grid, indexing="ij")
    log = -0.5 * (a**2 + b**2)
    for x, y in zip(data.x[own, 0], data.y[own], strict=True):
        log = log - 0.5 * ((y - a - b * x) / 0.5) ** 2
    density = np.exp(log - log.max())
    density /= density.sum()
    for axis, values in enumerate((a, b)):
        expected = (density * values).sum()
        # a grid of step 0.01, spreads of about 0.15
        assert abs(float(mean[1, axis]) - expected) < 1e-6
        assert abs(float(sd[1, axis]) - np.sqrt((density * (values - expected) ** 2).sum())) < 1e-4


@pytest.mark.usefixtures("unchecked")
def test_other_things_are_no_inferences() -> None:
    with pytest.raises(InputTypeError, match="inference: expected an instance"):
        check_inference(Collapsed)  # type: ignore[arg-type]
