"""Weights integrated out: exact draws of them, and what is refused."""

from collections.abc import Callable
from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np
import pyro
import pytest
import torch
from pyro.distributions import Beta, HalfNormal, Normal
from pyro.infer.autoguide import AutoNormal
from scipy.cluster.hierarchy import linkage
from torch import Tensor

from bayes_mtl import MultiTaskModel, TaskData
from bayes_mtl._errors import InputError, NumericalError, UnsupportedError
from bayes_mtl.inference import (
    MAP,
    NUTS,
    SVI,
    AbstractInference,
    Collapsed,
    NetworkTraining,
    PopulationMonteCarlo,
    Validation,
)
from bayes_mtl.inference._collapsed_program import CollapsedProgram
from bayes_mtl.likelihoods import Bernoulli, Gaussian, Mixed, StudentT
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
    at_draws,
)
from tests.inference import cases

DATA = cases.rows((3, 6, 9, 6))
DRAWS = 20_000


def weighted_posterior(
    x: np.ndarray, y: np.ndarray, precision: np.ndarray, scale: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Mean and covariance of weights ``~ N(0, diag(scale^2))`` on the columns of ``x``."""
    covariance = np.linalg.inv((x * precision[:, None]).T @ x + np.diag(scale**-2.0))
    return covariance @ (x.T @ (precision * y)), covariance


def close(draws: Tensor, mean: np.ndarray, covariance: np.ndarray) -> None:
    """Draws ``[draws, size]`` have this mean and covariance, to 4.5 Monte-Carlo standard errors."""
    drawn, number = draws.double().numpy(), len(draws)
    sd = np.sqrt(np.diag(covariance))
    assert (np.abs(drawn.mean(0) - mean) / sd).max() < 4.5 / np.sqrt(number)
    difference = (np.cov(drawn.T).reshape(covariance.shape) - covariance) / np.outer(sd, sd)
    # The sd of a sample covariance is at most sqrt(2 / number) in units of the standard deviations.
    assert np.abs(difference).max() < 4.5 * np.sqrt(2 / number)


def design(data: TaskData) -> np.ndarray:
    return np.column_stack([np.ones(len(data)), data.x])


@pytest.mark.parametrize("standardize", [False, True])
def test_weights_without_hyperparameters(standardize: bool) -> None:
    random = np.random.default_rng(3)
    noise, weight = random.uniform(0.3, 1.0, len(DATA)), random.integers(1, 4, len(DATA))
    offset = random.normal(size=len(DATA))
    data = TaskData.from_arrays(
        DATA.x, 5.0 + DATA.y, DATA.task, noise=noise, weight=weight.astype(float), offset=offset
    )
    model = MultiTaskModel(Independent(0.7), Gaussian(noise="known"), standardize=standardize)
    posterior = Collapsed(draws=DRAWS).run(model, data)
    assert posterior.record.stopped == "closed form"
    assert posterior.record.log_weights is None
    scaling = posterior.program.scaling
    x = np.column_stack([np.ones(len(data)), (data.x - scaling.x_mean) / scaling.x_sd])
    shift, spread = scaling.shift[0, 0], scaling.spread[0, 0]
    response, precision = (data.y - offset - shift) / spread, weight * (spread / noise) ** 2
    for t in range(4):
        own = data.task == t
        expected = weighted_posterior(x[own], response[own], precision[own], np.full(3, 0.7))
        close(posterior.draws["weights"][:, t, :, 0], *expected)


@pytest.mark.parametrize("inference", [Collapsed(draws=4000), MAP(draws=4000)], ids=["collapsed", "whole"])
def test_fixed_features_have_one_weight_for_all_tasks(inference: AbstractInference) -> None:
    names = ["a", "b"]
    data = TaskData.from_arrays(
        DATA.x, DATA.y, DATA.task, feature_names=names, varying=["a"], noise=np.full(len(DATA), cases.NOISE)
    )
    model = MultiTaskModel(
        Independent(0.7), Gaussian(noise="known"), fixed=Normal(0.0, 2.0), standardize=False
    )
    posterior = inference.run(model, data)
    # The joint posterior of all tasks' weights and the fixed one is Gaussian, so Laplace is exact.
    own = (data.task[:, None] == np.arange(4)).astype(float)
    columns = [own[:, [t]] * column for t in range(4) for column in (1.0, data.x[:, [0]])]
    x = np.column_stack([*columns, data.x[:, 1]])
    scale = np.array([0.7] * 8 + [2.0])
    mean, covariance = weighted_posterior(x, data.y, np.full(len(data), cases.NOISE**-2), scale)
    drawn = torch.cat([posterior.draws["weights"].flatten(1), posterior.draws["fixed"].flatten(1)], 1)
    close(drawn, mean, covariance)


def test_pooled_weights_are_the_hyperparameters() -> None:
    data = cases.known(DATA)
    posterior = Collapsed(draws=4000).run(cases.pooled(), data)
    mean, covariance = cases.pooled_posterior(data)
    close(posterior.draws["weights"][:, 2, :, 0], mean.numpy(), covariance.numpy())
    torch.testing.assert_close(posterior.draws["weights"][:, 0], posterior.draws["mean"][:, 0])


def test_weights_follow_their_own_draw_of_the_hyperparameters() -> None:
    """Given a draw, weights are ridge estimates plus noise: the residuals are standard normal."""
    model = MultiTaskModel(Independent(HalfNormal(1.0)), Gaussian(noise="task"), standardize=False)
    posterior = Collapsed(draws=2000).run(model, DATA)
    assert posterior.draws["noise_scale"].shape == (2000, 4)
    scale = posterior.draws["scale"].double().reshape(2000)
    squares = []
    for t in range(4):
        x = torch.as_tensor(design(DATA)[DATA.task == t])
        y = torch.as_tensor(DATA.y[DATA.task == t])
        precision = posterior.draws["noise_scale"][:, t].double() ** -2
        system = precision[:, None, None] * (x.mT @ x) + torch.eye(3) / scale[:, None, None] ** 2
        mean = torch.linalg.solve(system, precision[:, None] * (x.mT @ y))
        left = posterior.draws["weights"][:, t, :, 0].double() - mean
        squares.append((left.unsqueeze(-2) @ system @ left.unsqueeze(-1)).flatten())
    # Chi-squared of 3 degrees of freedom: mean 3, variance 6; 4.5 standard errors of 8,000.
    assert torch.cat(squares).mean() == pytest.approx(3.0, abs=4.5 * np.sqrt(6 / 8000))


@dataclass(frozen=True)
class LearnedShares(AbstractGaussianTaskPrior):
    """A mixture of two given populations whose shares are learned."""

    def moments(self, dims: Any) -> Moments:
        share = pyro.sample("share", Beta(1.0, 1.0)).unsqueeze(-1)
        mean = torch.stack([torch.full(dims.weights, 1.0), torch.full(dims.weights, -1.0)])
        return Moments(mean, torch.ones_like(mean), logits=torch.cat([share, 1 - share], -1).log())


@pytest.mark.parametrize("prior", [LearnedShares(), Hierarchical(scale=HalfNormal(1.0))])
def test_every_draw_has_noise_of_its_own(prior: AbstractGaussianTaskPrior) -> None:
    """Also where the posterior of the weights hardly depends on the hyperparameters, or not at all."""
    posterior = Collapsed(draws=2000).run(MultiTaskModel(prior, Gaussian(noise="known")), cases.known(DATA))
    weights = posterior.draws["weights"].double()
    assert len(torch.unique(weights[:, 0, 0])) > 1990  # of float32 numbers a few are equal by chance
    # Tasks are independent given the hyperparameters, so their draws are hardly correlated.
    correlation = torch.corrcoef(weights[:, :, 0, 0].mT) - torch.eye(4)
    assert correlation.abs().max() < 0.5


def test_repeated_rows_equal_weights() -> None:
    twice = np.repeat(np.arange(len(DATA)), 2)
    doubled = TaskData.from_arrays(DATA.x[twice], DATA.y[twice], DATA.task[twice])
    weighted = TaskData.from_arrays(DATA.x, DATA.y, DATA.task, weight=np.full(len(DATA), 2.0))
    model = MultiTaskModel(Hierarchical(), Gaussian())
    one, other = Collapsed().run(model, doubled), Collapsed().run(model, weighted)
    # The optimiser's path differs by rounding, its end by what 1e-5 nats allow.
    torch.testing.assert_close(
        one.draws["weights"].mean(0), other.draws["weights"].mean(0), atol=5e-3, rtol=0
    )


def test_a_call_does_not_depend_on_the_number_of_rows() -> None:
    def sizes(data: TaskData) -> list[torch.Size]:
        program = MultiTaskModel(Hierarchical(), Gaussian()).program(data)
        statistics = CollapsedProgram(program, data).statistics
        return [getattr(statistics, f.name).shape for f in fields(statistics)]

    small, large = sizes(cases.rows((3, 3, 3))), sizes(cases.rows((300, 300, 300)))
    assert small == large


@pytest.mark.parametrize(
    "prior",
    [Independent(HalfNormal(1.0)), Hierarchical(), LowRank(1), TaskCovariance(), TaskClustering(2), Pooled()],
    ids=lambda prior: type(prior).__name__,
)
@pytest.mark.parametrize("likelihood", [Gaussian(), Gaussian(noise="task")])
def test_every_prior_gives_finite_draws(prior: AbstractTaskPrior, likelihood: Gaussian) -> None:
    posterior = Collapsed(MAP(laplace=0), draws=7).run(MultiTaskModel(prior, likelihood), DATA)
    assert posterior.draws["weights"].shape == (7, 4, 3, 1)
    assert all(bool(torch.isfinite(value).all()) for value in posterior.draws.values())
    assert all(len(value) == 7 for value in posterior.draws.values())


class Free(AbstractTaskPrior):
    """A prior that is not Gaussian."""

    def weights(self, dims: Any) -> Tensor:
        with dims.plate():
            return pyro.sample("weights", Normal(0.0, 1.0).expand(dims.weights).to_event(2)).exp()


YES_NO = TaskData.from_arrays(DATA.x, DATA.y > 0, DATA.task)
REFUSED = {
    "the likelihood is StudentT, not Gaussian": (MultiTaskModel(Hierarchical(), StudentT()), DATA),
    "the likelihood is Bernoulli, not Gaussian": (MultiTaskModel(Hierarchical(), Bernoulli()), YES_NO),
    "the likelihood is Mixed, not Gaussian": (
        MultiTaskModel(Hierarchical(), Mixed({}, default=Gaussian())), DATA
    ),
    "Free is not Gaussian given its hyperparameters": (MultiTaskModel(Free(), Gaussian()), DATA),
    "the network is trained": (MultiTaskModel(Hierarchical(), Gaussian(), network=MLP(2, (2,))), DATA),
}  # fmt: skip


@pytest.mark.parametrize("reason", REFUSED)
def test_refused_with_the_reason(reason: str) -> None:
    model, data = REFUSED[reason]
    others = r"Use SVI or NUTS\.$" if model.network is None else r"Use SVI\.$"  # NUTS takes no network
    with pytest.raises(UnsupportedError, match=f"does not fit this model: {reason}.*{others}"):
        Collapsed().run(model, data)


def test_a_dense_system_that_is_too_large(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bayes_mtl.inference._collapsed_program.LARGEST_DENSE", 11)
    with pytest.raises(UnsupportedError, match="between 4 tasks of 3 weights is a system of 12 equations"):
        Collapsed().run(MultiTaskModel(TaskCovariance(), Gaussian()), DATA)


@pytest.mark.parametrize(
    "settings",
    [
        {"batch_size": 10},
        {"temperature": 2.0},
        {"device": "cuda"},
        {"checkpoint": "fit.ckpt"},
        {"validation": Validation(DATA)},
        {"network": NetworkTraining(learning_rate=0.01)},
    ],
    ids=lambda settings: next(iter(settings)),
)
def test_settings_of_rows_are_refused(settings: dict[str, Any]) -> None:
    with pytest.raises(InputError, match=f"hyperparameters=SVI: expected no {next(iter(settings))}"):
        Collapsed(SVI(**settings))


def test_guides_of_hyperparameters() -> None:
    svi = SVI(guide=AutoNormal, steps=3, draws=5, progress=False)
    posterior = Collapsed(svi).run(MultiTaskModel(Hierarchical(), Gaussian()), DATA)
    other = Collapsed(replace(svi, guide=None)).run(MultiTaskModel(Hierarchical(), Gaussian()), DATA)
    assert bool(torch.isfinite(posterior.draws["weights"]).all())
    assert not torch.equal(posterior.draws["scale"], other.draws["scale"])


@pytest.mark.usefixtures("unchecked")
def test_bad_settings() -> None:
    with pytest.raises(InputError, match="hyperparameters: expected MAP"):
        Collapsed(hyperparameters="nuts")
    with pytest.raises(InputError, match="draws: expected at least 1"):
        Collapsed(draws=0)


@pytest.mark.parametrize("prior", [Pooled(), Hierarchical()])
def test_targets_without_noise_are_refused_in_words(prior: AbstractTaskPrior) -> None:
    data = TaskData.from_arrays(cases.rows().x, np.ones(40), cases.rows().task)
    for inference in (Collapsed(), Collapsed(MAP()), MAP()):
        with pytest.raises(NumericalError, match=r"noise goes to 0.* look at the targets"):
            inference.run(MultiTaskModel(prior, Gaussian()), data)


def test_dense_systems_are_drawn_from_in_small_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    """No more draws together than a million numbers in the matrices of all tasks at once."""
    together: list[int] = []

    def noted(function: Callable[..., Any], values: dict[str, Any]) -> Any:
        together.append(len(next(iter(values.values()))))
        return at_draws(function, values)

    monkeypatch.setattr("bayes_mtl.inference._collapsed.at_draws", noted)
    tree = linkage(np.random.default_rng(0).normal(size=(30, 2)))
    model = MultiTaskModel(LatentHierarchy(tree), Gaussian())
    Collapsed(MAP(), draws=600).run(model, cases.rows((8,) * 30))
    size = (30 * 3) ** 2
    assert sum(together) == 600 and max(together) * size <= 1 << 20


def test_number_of_draws() -> None:
    model = MultiTaskModel(Hierarchical(), Gaussian())
    laplace = Collapsed(MAP(), draws=37).run(model, DATA)
    assert (laplace.number, len(laplace.record.log_weights)) == (37, 37)
    mode = Collapsed(MAP(laplace=0), draws=37).run(model, DATA)
    assert (mode.number, mode.record.log_weights) == (37, None)
    assert float(mode.draws["scale"].std(0).max()) == 0.0
    assert float(mode.draws["weights"].std(0).min()) > 0.0
    svi = Collapsed(SVI(steps=3, draws=11, progress=False)).run(model, DATA)
    assert (svi.number, len(svi.record.log_weights)) == (11, 11)
    exact = Collapsed(draws=37).run(model, DATA)
    assert (exact.number, exact.record.log_weights) == (37, None)
    assert Collapsed(PopulationMonteCarlo(draws=41), draws=37).run(model, DATA).number == 41
    nuts = Collapsed(NUTS(draws=4, warmup=4, chains=2, progress=False)).run(model, DATA)
    assert (nuts.number, nuts.record.chains, nuts.record.log_weights) == (8, 2, None)
