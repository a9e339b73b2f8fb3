"""Leave one task out against quadrature, dense densities, and fits without the task."""

import numpy as np
import pytest
import torch
from pyro import poutine
from pyro.distributions import HalfNormal
from scipy.special import logsumexp
from torch.distributions import MultivariateNormal, Normal

from bayes_mtl import MultiTaskModel, Posterior, TaskData
from bayes_mtl._errors import UnsupportedError
from bayes_mtl._psis import psis
from bayes_mtl.data._split import own_tasks
from bayes_mtl.diagnostics import loo_tasks
from bayes_mtl.diagnostics._task_evidence import approximate_evidence, exact_evidence
from bayes_mtl.inference import MAP, SVI, Collapsed
from bayes_mtl.likelihoods import Bernoulli, Gaussian
from bayes_mtl.networks import MLP
from bayes_mtl.priors import Hierarchical, Independent, TaskCovariance
from bayes_mtl.testing._prior_moments import implied
from tests.diagnostics.posteriors import data as schools
from tests.inference.cases import known, rows

SIZES = (4, 5, 6, 3, 8, 5)


def evidence_at(data: TaskData, scales: torch.Tensor) -> torch.Tensor:
    """``[scales, tasks]``: log-density of each task's targets, its weights integrated out."""
    design = torch.cat([torch.ones(len(data), 1).double(), torch.as_tensor(data.x)], 1)
    columns = []
    for t in range(len(data.schema.tasks)):
        own = torch.as_tensor(data.task == t)
        a, noise = design[own], torch.as_tensor(data.noise)[own].square().diag()
        covariance = scales.square()[:, None, None] * (a @ a.mT) + noise
        columns.append(
            MultivariateNormal(torch.zeros(len(a)).double(), covariance).log_prob(
                torch.as_tensor(data.y)[own]
            )
        )
    return torch.stack(columns, 1)


def test_it_is_the_quadrature() -> None:
    data = known(rows(SIZES))
    model = MultiTaskModel(Independent(HalfNormal(1.0)), Gaussian(noise="known"), standardize=False)
    posterior = Collapsed(draws=4000).run(model, data)
    grid = torch.linspace(-4.0, 3.0, 2001).double().exp()
    each = evidence_at(data, grid)
    log = Normal(0.0, 1.0).log_prob(grid) + grid.log()  # half-normal, on the log scale
    others = log[:, None] + each.sum(1, keepdim=True) - each
    expected = ((others + each).logsumexp(0) - others.logsumexp(0)).numpy()
    found = loo_tasks(posterior, data)
    # the ratios vary by less than 2, so 4,000 draws leave less than 0.03; float32 draws add 1e-5
    assert found.elpd == pytest.approx(expected, abs=0.03)
    assert not found.unreliable.any()
    assert list(found.to_frame().index) == list(posterior.tasks) == list(found.by_task.index)


def alone(data: TaskData, keep: np.ndarray) -> TaskData:
    part = data.subset(keep)
    changes = own_tasks(part.task, part.schema, part.task_features)
    return TaskData(**{**part.__dict__, **changes})


@pytest.mark.parametrize("hyperparameters", [None, MAP()], ids=["points", "mode"])
def test_it_is_what_fits_without_the_task_say(hyperparameters: MAP | None) -> None:
    data = rows((6,) * 12)
    model = MultiTaskModel(Hierarchical(covariance="diagonal"), Gaussian(), standardize=False)
    inference = Collapsed(hyperparameters, draws=2000)
    posterior = inference.run(model, data)
    found = loo_tasks(posterior, data)
    reliable = np.flatnonzero(~found.unreliable)
    assert len(reliable) >= 6
    for t in reliable[:2]:
        refit = inference.run(model, alone(data, data.task != t))
        held_out = exact_evidence(_with_draws(posterior, refit), data)[:, t]
        weights = refit.record.log_weights  # None where draws are exact
        log = np.full(2000, -np.log(2000)) if weights is None else psis(weights)[0]
        value = logsumexp(log + held_out)
        error = np.sqrt(np.square(np.exp(log + held_out - value) - np.exp(log)).sum())
        # two standard errors of the difference; both sides have as many draws
        assert abs(found.elpd[t] - value) < 2 * np.sqrt(2) * error


def _with_draws(posterior: Posterior, other: Posterior) -> Posterior:
    """All tasks' program at the hyperparameters of a fit to some of them."""
    number = other.number
    weights = torch.zeros(number, *posterior.draws["weights"].shape[1:])
    return Posterior(posterior.program, {**other.draws, "weights": weights}, other.record)


def test_sampling_around_the_mode_is_exact_for_a_gaussian() -> None:
    data = rows(SIZES)
    posterior = Collapsed(draws=50).run(MultiTaskModel(Hierarchical(), Gaussian()), data)
    assert approximate_evidence(posterior, data, 0) == pytest.approx(
        exact_evidence(posterior, data), rel=1e-4
    )  # float32 features


def test_yes_and_no_are_integrated() -> None:
    given = rows(SIZES)
    data = TaskData.from_arrays(given.x[:, :1], given.y > 0, given.task, intercept=False)
    model = MultiTaskModel(Independent(HalfNormal(1.0)), Bernoulli(), standardize=False)
    posterior = MAP(draws=40).run(model, data)
    found = approximate_evidence(posterior, data, 0)
    scale = posterior.draws["scale"].double().reshape(-1, 1)
    z = torch.linspace(-8.0, 8.0, 4001).double()
    x, y = torch.as_tensor(data.x[:, 0]), torch.as_tensor(data.y)
    for t in range(len(SIZES)):
        own = torch.as_tensor(data.task == t)
        f = scale[..., None] * z[:, None] * x[own]
        log = torch.distributions.Bernoulli(logits=f).log_prob(y[own]).sum(-1) + Normal(0.0, 1.0).log_prob(z)
        expected = log.logsumexp(-1) + np.log(float(z[1] - z[0]))
        # 16 proposals whose weights vary by less than 0.4 leave 0.1 in each of 40 draws: 5 of those
        assert found[:, t] == pytest.approx(expected.numpy(), abs=0.5)
        assert found[:, t].mean() == pytest.approx(float(expected.mean()), abs=0.08)
    assert len(loo_tasks(posterior, data)) == len(SIZES)


def test_a_correlated_task_is_left_out_given_the_others() -> None:
    data = known(rows((4, 4, 4)))
    prior = TaskCovariance()
    posterior = Collapsed(draws=3).run(
        MultiTaskModel(prior, Gaussian(noise="known"), standardize=False), data
    )
    found = exact_evidence(posterior, data)
    task = torch.as_tensor(data.task)
    design = torch.cat([torch.ones(len(data), 1).double(), torch.as_tensor(data.x)], 1)
    wide = torch.zeros(len(data), 3, 3).double()
    wide[torch.arange(len(data)), task] = design
    wide, y = wide.flatten(1), torch.as_tensor(data.y)
    dims = posterior.program.dims()
    for s in range(3):
        values = {name: value[s, 0].double() for name, value in posterior.draws.items()}
        with poutine.block():
            moments = poutine.condition(prior.moments, data=values)(dims)
        mean, covariance = implied(moments, dims)
        mean = wide @ mean
        covariance = wide @ covariance @ wide.mT + torch.as_tensor(data.noise).square().diag()
        for t in range(3):
            rest = task != t
            expected = MultivariateNormal(mean, covariance).log_prob(y) - MultivariateNormal(
                mean[rest], covariance[rest][:, rest]
            ).log_prob(y[rest])
            assert found[s, t] == pytest.approx(float(expected), rel=1e-6)


@pytest.mark.parametrize(
    ("model", "inference", "match"),
    [
        (
            MultiTaskModel(Hierarchical(), Gaussian(), network=MLP(2, [2])),
            SVI(steps=2, progress=False),
            "network",
        ),
        (MultiTaskModel(Hierarchical(), Gaussian(units="task")), Collapsed(draws=30), "standardised"),
        (MultiTaskModel(Hierarchical(), Gaussian()), Collapsed(MAP(laplace=0), draws=30), "share one value"),
    ],
)
def test_what_cannot_be_left_out(model: MultiTaskModel, inference: SVI | Collapsed, match: str) -> None:
    data = rows(SIZES)
    with pytest.raises(UnsupportedError, match=match):
        loo_tasks(inference.run(model, data), data)


def test_a_task_unlike_the_others_stands_out() -> None:
    data = schools(12)
    y = data.y.copy()
    y[data.task == 4] += 8.0
    odd = TaskData(**{**data.__dict__, "y": y})
    # Of 500 draws, one seed in eight has none that is far enough out to show how heavy the tail is.
    found = loo_tasks(Collapsed(draws=2_000).run(MultiTaskModel(Hierarchical(), Gaussian()), odd), odd)
    frame = found.to_frame()  # no draw is without it: its own elpd is hardly known, and says so
    assert frame["gap"].idxmax() == frame["pareto_k"].idxmax() == "school 004"
    assert frame.loc["school 004", "unreliable"]
