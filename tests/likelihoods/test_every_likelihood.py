"""What holds for each likelihood."""

from dataclasses import replace

import numpy as np
import pyro
import pytest
import torch
from pyro import poutine
from scipy.stats import spearmanr
from torch import Tensor
from torch.fx.experimental.proxy_tensor import make_fx

from bayes_mtl._errors import InputError
from bayes_mtl._shapes import Dims
from bayes_mtl.data import Batch
from bayes_mtl.likelihoods import AbstractLikelihood
from tests.likelihoods.cases import CASES, Case, N, gathered, make_batch, make_data

EVERY = pytest.mark.parametrize("case", CASES.values(), ids=CASES)


def bound(case: Case) -> AbstractLikelihood:
    return case.likelihood.bind(case.data())


def predictor(case: Case, batch: Batch, *lead: int) -> Tensor:
    """A standardised predictor of spread 1 in the user's units, ``[*lead, observations, outputs]``."""
    noise = torch.randn(
        *lead, N, case.outputs, generator=torch.Generator().manual_seed(1), dtype=batch.shift.dtype
    )
    return batch.shift[batch.task] + batch.spread[batch.task] * noise


@EVERY
def test_it_accepts_its_own_data(case: Case) -> None:
    data = case.data()
    bound(case).check(data)
    assert case.likelihood.outputs(data) == case.outputs
    assert (case.likelihood.task_outputs(data) == case.outputs).all()
    assert case.likelihood.output_groups(data) == (("", (0, 1, 2)),)
    assert bound(case).bind(data) == bound(case)


@EVERY
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_vectorised_particles_equal_a_loop(case: Case, dtype: torch.dtype) -> None:
    likelihood, data = bound(case), case.data()
    batch = make_batch(likelihood, data, dtype)
    f, values = predictor(case, batch, 2), case.values(dtype)
    parameters = gathered(likelihood, values, batch)
    together = likelihood.distribution(f, batch, parameters)
    assert together.batch_shape == (2, N) and together.event_shape == ()
    log_prob, mean = together.log_prob(batch.y), likelihood.mean(f, batch, parameters)
    assert log_prob.dtype == mean.dtype == dtype and torch.isfinite(log_prob).all()
    for particle in range(2):
        # without particles a shared value has no axis but its event's, a value a task has [tasks]
        one = {k: v[particle] if v.shape[1] > 1 else v[particle, 0] for k, v in values.items()}
        alone = gathered(likelihood, one, batch)
        expected = likelihood.distribution(f[particle], batch, alone)
        # the same arithmetic in another order
        tolerance = 1e-5 if dtype == torch.float32 else 1e-12
        assert torch.allclose(log_prob[particle], expected.log_prob(batch.y), rtol=tolerance, atol=tolerance)
        other = likelihood.mean(f[particle], batch, alone)
        assert torch.allclose(mean[particle], other, rtol=tolerance, equal_nan=True)


@EVERY
def test_draws_have_the_mean_and_are_possible(case: Case) -> None:
    likelihood = bound(case)
    batch = make_batch(likelihood, case.data())
    parameters = gathered(likelihood, case.values(), batch)
    f = predictor(case, batch, 2)
    distribution = likelihood.distribution(f, batch, parameters)
    draws = distribution.sample((4000,)).double()
    assert torch.isfinite(distribution.log_prob(draws[0])).all()
    mean = likelihood.mean(f, batch, parameters).expand(2, N)
    if case.likelihood.name == "categorical":
        assert mean.isnan().all()
        return
    if case.likelihood.name in ("student_t", "log_normal"):
        # no finite or no settled variance: compare the median, whose error is 1.25 / sqrt(draws) spreads
        # at a Gaussian centre and less at a heavier one
        centre = f[..., 0].exp() if case.likelihood.name == "log_normal" else mean
        scale = (parameters["scale"] * batch.spread_of_observations()).expand(2, N)
        error = (
            (draws.median(0).values - centre).abs()
            if case.likelihood.name == "student_t"
            else (draws.log().median(0).values - f[..., 0]).abs()
        )
        assert (error < 5 * 1.26 / 4000**0.5 * scale).all()
        return
    # 5 Monte-Carlo standard errors of 4,000 draws, 120 comparisons; binomial draws may not vary at all
    assert ((draws.mean(0) - mean).abs() < 5 * (draws.std(0) + 1e-2) / 4000**0.5).all()


@EVERY
def test_location_makes_predictors_of_order_one(case: Case) -> None:
    likelihood, data = bound(case), case.data()
    shift, spread = likelihood.location(data)
    assert shift.shape == spread.shape == (3, case.outputs)
    assert np.isfinite(shift).all() and (spread > 0).all()
    if not data.schema.intercept:
        assert (shift == 0).all()
    response = likelihood.working_response(data)
    assert response.shape == (N, case.outputs) and response.dtype == np.float64
    assert np.abs(response.mean()) < 0.75 and 0.1 < response.std() < 2.5
    assert np.abs(response).max() < 6


@EVERY
def test_the_working_response_follows_the_target(case: Case) -> None:
    likelihood, data = bound(case), case.data()
    response = likelihood.working_response(data)
    if case.outputs > 1:
        # the target's own class has the largest excess over that class's average
        excess = response - response.mean(0)
        assert (excess.argmax(1) == data.y).all()
        return
    y = data.y if data.trials is None else data.y / data.trials
    if data.offset is not None:
        y = (y if case.likelihood.name == "gaussian" else np.log(y + 0.5)) - data.offset
    for task in range(3):
        own = data.task == task
        # ranks agree but for ties, clipping, and offsets that weigh more on small counts
        assert spearmanr(y[own], response[own, 0]).statistic > 0.9


@EVERY
def test_parameters_are_sampled_once_or_in_the_plate(case: Case) -> None:
    likelihood, data = bound(case), case.data()
    dims = Dims(tasks=3, features=2, outputs=case.outputs, intercept=data.schema.intercept, name="people")

    def program() -> dict[str, Tensor]:
        with pyro.plate("particles", 5, dim=-2):
            return likelihood.parameters(dims)

    trace = poutine.trace(program).get_trace()
    values = trace.nodes["_RETURN"]["value"]
    assert values.keys() == case.parameters.keys()
    for key, value in values.items():
        example = torch.tensor(case.parameters[key])
        assert value.shape == (5, *example.shape[1:])
    for site in trace.stochastic_nodes:
        if site not in ("people", "particles"):
            assert trace.nodes[site]["fn"].support.check(trace.nodes[site]["value"]).all()
    # alone: no axis of particles
    alone = poutine.block(likelihood.parameters)(dims)
    for key, value in alone.items():
        example = torch.tensor(case.parameters[key])
        assert value.shape == (example.shape[1:] if example.shape[1] > 1 else example.shape[2:])


@EVERY
def test_probabilities_sum_to_one_and_are_the_density(case: Case) -> None:
    likelihood = bound(case)
    batch = make_batch(likelihood, case.data())
    parameters, f = gathered(likelihood, case.values(), batch), predictor(case, batch, 2)
    probabilities = likelihood.probabilities(f, batch, parameters)
    if case.likelihood.name not in ("bernoulli", "categorical", "ordinal"):
        assert probabilities is None
        return
    assert probabilities is not None and probabilities.shape[:2] == (2, N)
    assert torch.allclose(probabilities.sum(-1), torch.ones(2, N, dtype=torch.float64), rtol=1e-12)
    distribution = likelihood.distribution(f, batch, parameters)
    for c in range(probabilities.shape[-1]):
        log_prob = distribution.log_prob(torch.full((N,), float(c), dtype=torch.float64))
        assert torch.allclose(log_prob.exp(), probabilities[..., c], rtol=1e-10)


@EVERY
def test_gradients_are_finite_and_right(case: Case) -> None:
    likelihood = bound(case)
    batch = make_batch(likelihood, case.data())
    names = list(case.parameters)

    def total(f: Tensor, *values: Tensor) -> Tensor:
        parameters = gathered(likelihood, dict(zip(names, values, strict=True)), batch)
        return likelihood.distribution(f, batch, parameters).log_prob(batch.y).sum()

    values = [v.requires_grad_() for v in case.values().values()]
    f = predictor(case, batch, 2)
    found = torch.autograd.grad(total(f.requires_grad_(), *values), [f, *values])
    assert all(torch.isfinite(g).all() for g in found)
    for i, at in enumerate([f, *values]):
        direction = torch.ones_like(at)
        step = 1e-5 * float(at.detach().abs().mean())

        def moved(size: float, i: int = i, direction: Tensor = direction) -> Tensor:
            point = [f.detach(), *[v.detach() for v in values]]
            point[i] = point[i] + size * direction
            return total(*point)

        slope = (moved(step) - moved(-step)) / (2 * step)
        # central differences: relative error of about step^2 and rounding / step
        assert torch.isclose(slope, found[i].sum(), rtol=1e-5, atol=1e-6)


@EVERY
def test_it_can_be_captured_as_one_graph(case: Case) -> None:
    likelihood = bound(case)
    batch = make_batch(likelihood, case.data())
    names = list(case.parameters)

    def total(f: Tensor, *values: Tensor) -> tuple[Tensor, ...]:
        parameters = gathered(likelihood, dict(zip(names, values, strict=True)), batch)
        log_prob = likelihood.distribution(f, batch, parameters).log_prob(batch.y).sum()
        return (log_prob, *torch.autograd.grad(log_prob, [f, *values]))

    def point(shift: float) -> list[Tensor]:
        return [(at + shift).requires_grad_() for at in (predictor(case, batch, 2), *case.values().values())]

    with pyro.validation_enabled(False):
        graph = make_fx(total)(*point(0.0))
        # at other values than it was captured at: nothing was baked in
        for found, expected in zip(graph(*point(0.2)), total(*point(0.2)), strict=True):
            assert torch.allclose(found, expected, rtol=1e-10)


COLUMNS = {
    "noise": np.ones(N),
    "trials": np.full(N, 10**6),
    "censored": np.ones(N, bool),
    "offset": np.ones(N),
}


@pytest.mark.parametrize(
    ("case", "column"),
    [
        pytest.param(case, column, id=f"{name}-{column}")
        for name, case in CASES.items()
        for column in COLUMNS
        if column not in case.likelihood.columns
    ],
)
def test_columns_it_does_not_understand_are_refused(case: Case, column: str) -> None:
    likelihood = bound(case)
    data = make_data(case.data().y, case.data().task, **{column: COLUMNS[column]})
    expected = "noise" if column == "noise" and case.likelihood.name == "gaussian" else f"column '{column}'"
    with pytest.raises(InputError, match=expected):
        likelihood.check(replace(case.data(), **{column: getattr(data, column)}))
