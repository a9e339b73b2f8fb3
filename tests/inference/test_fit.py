"""Which inference `fit` takes."""

from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import pyro
import pytest
import torch
from pyro.distributions import Normal
from torch import Tensor

from bayes_mtl import MultiTaskModel, TaskData, fit
from bayes_mtl._errors import InputTypeError
from bayes_mtl.inference import SVI, Collapsed, NestedLaplace, Trees
from bayes_mtl.inference._first_that_works import FirstThatWorks
from bayes_mtl.inference._fit import choose
from bayes_mtl.likelihoods import AbstractLikelihood, Bernoulli, Gaussian, Mixed, StudentT
from bayes_mtl.networks import MLP
from bayes_mtl.priors import (
    AbstractGaussianTaskPrior,
    AbstractTaskPrior,
    Hierarchical,
    Independent,
    LatentHierarchy,
    LowRank,
    Moments,
    Pooled,
    TaskClustering,
    TaskCovariance,
)
from tests.inference import cases

DATA = cases.rows()
YES_NO = TaskData.from_arrays(DATA.x, DATA.y > 0, DATA.task)


class Free(AbstractTaskPrior):
    """A prior that is not Gaussian."""

    def weights(self, dims: Any) -> Tensor:
        with dims.plate():
            return pyro.sample("weights", Normal(0.0, 1.0).expand(dims.weights).to_event(2)).exp()


@dataclass(frozen=True)
class Correlated(AbstractGaussianTaskPrior):
    """A covariance between tasks of the user's own."""

    def moments(self, dims: Any) -> Moments:
        tasks = 0.5 * torch.eye(dims.tasks) + 0.5
        return Moments(
            torch.zeros(dims.weights), torch.ones(dims.weights), tasks=torch.linalg.cholesky(tasks)
        )


@pytest.mark.parametrize(
    "prior",
    [
        Hierarchical(), Independent(), Pooled(), LowRank(), TaskClustering(2), TaskCovariance(), Correlated(),
    ],
    ids=lambda prior: type(prior).__name__,
)  # fmt: skip
@pytest.mark.parametrize("likelihood", [Gaussian(), Gaussian(noise="task")])
def test_collapsed_where_the_weights_can_be_integrated_out(
    prior: AbstractTaskPrior, likelihood: AbstractLikelihood
) -> None:
    assert choose(MultiTaskModel(prior, likelihood), DATA) == Collapsed()


@pytest.mark.parametrize(
    ("model", "data"),
    [
        (MultiTaskModel(TaskClustering(2), Bernoulli()), YES_NO),
        (MultiTaskModel(TaskCovariance(), StudentT()), DATA),
        (MultiTaskModel(Hierarchical(), Mixed({}, default=Gaussian())), DATA),
        (MultiTaskModel(Hierarchical(), Gaussian(), network=MLP(2, (2,))), DATA),
        (MultiTaskModel(Free(), Gaussian()), DATA),
    ],
    ids=["classes", "heavy tails", "kinds", "network", "prior"],
)
def test_svi_elsewhere(model: MultiTaskModel, data: TaskData) -> None:
    assert choose(model, data) == SVI()


@pytest.mark.parametrize("prior", [TaskCovariance(), Correlated()])
def test_svi_for_a_system_that_is_too_large(
    prior: AbstractTaskPrior, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bayes_mtl.inference._collapsed_program.LARGEST_DENSE", 14)  # 5 tasks x 3 weights
    before = torch.get_rng_state()
    assert choose(MultiTaskModel(prior, Gaussian()), DATA) == SVI()
    assert choose(MultiTaskModel(Hierarchical(), Gaussian()), DATA) == Collapsed()
    assert torch.equal(before, torch.get_rng_state())


def test_fit_runs_it() -> None:
    model = MultiTaskModel(Hierarchical(), Gaussian())
    posterior = fit(model, DATA, seed=3)
    assert posterior.record.method == "Collapsed(PopulationMonteCarlo)"
    assert posterior.record.seed == 3
    same = Collapsed().run(model, DATA, seed=3)
    assert torch.equal(posterior.draws["weights"], same.draws["weights"])


def test_fit_runs_svi(monkeypatch: pytest.MonkeyPatch) -> None:
    short = SVI(steps=3, draws=5, progress=False)
    monkeypatch.setattr("bayes_mtl.inference._fit.SVI", lambda **_: short)
    posterior = fit(MultiTaskModel(TaskClustering(2), Bernoulli()), YES_NO)
    assert posterior.record.method == "SVI"
    assert np.isfinite(posterior.record.losses).all()


@pytest.mark.usefixtures("unchecked")
def test_parts_in_the_wrong_place_are_named() -> None:
    wrong: Any = Hierarchical()
    with pytest.raises(InputTypeError, match=r"model: expected a MultiTaskModel, found Hierarchical\. Put"):
        fit(wrong, DATA)
    table: Any = {"y": [1.0]}
    with pytest.raises(InputTypeError, match=r"data: expected a TaskData, found dict\. Make one"):
        fit(MultiTaskModel(Hierarchical(), Gaussian()), table)


def test_progress_is_handed_on() -> None:
    tree = MultiTaskModel(LatentHierarchy(), Gaussian())
    for model, data in ((MultiTaskModel(TaskClustering(2), Bernoulli()), YES_NO), (tree, DATA)):
        quiet, shown = choose(model, data, progress=False), choose(model, data)
        assert isinstance(quiet, SVI | Trees) and isinstance(shown, SVI | Trees)
        assert (quiet.progress, shown.progress) == (False, True)
    for progress in (False, True):
        both = choose(MultiTaskModel(Hierarchical(), Bernoulli()), YES_NO, progress)
        assert isinstance(both, FirstThatWorks) and isinstance(both.first, NestedLaplace)
        assert both.first.hyperparameters.progress == progress and both.other == SVI(progress=progress)


def test_a_quiet_fit_writes_nothing(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bayes_mtl.inference._fit.SVI", partial(SVI, steps=3, draws=2))
    fit(MultiTaskModel(TaskClustering(2), Bernoulli()), YES_NO, progress=False)
    assert capsys.readouterr() == ("", "")
    fit(MultiTaskModel(TaskClustering(2), Bernoulli()), YES_NO)
    assert "SVI" in capsys.readouterr().err
