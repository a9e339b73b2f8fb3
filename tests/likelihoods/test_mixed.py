"""Tasks of different kinds: the sum of the separate likelihoods, and nothing leaks from one to another."""

import numpy as np
import pyro
import pytest
import torch
from pyro import poutine
from pyro.distributions import Normal
from pyro.infer import SVI, Trace_ELBO
from pyro.infer.autoguide import AutoNormal
from torch import Tensor
from torch.fx.experimental.proxy_tensor import make_fx

from bayes_mtl._shapes import Dims
from bayes_mtl.likelihoods import (
    Gamma,
    Gaussian,
    Mixed,
    Poisson,
)
from bayes_mtl.likelihoods._selected import Selected
from tests.likelihoods.cases import gathered, make_batch, make_data
from tests.likelihoods.mixed_cases import EACH, LIKELIHOODS, mixed_data, parameters_of, setup


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32])
def test_log_prob_and_gradients_are_those_of_the_separate_likelihoods(dtype: torch.dtype) -> None:
    likelihood, data, batch, f = setup(dtype)
    values = {k: v.requires_grad_() for k, v in parameters_of(likelihood, dtype).items()}
    f.requires_grad_()
    together = likelihood.distribution(f, batch, gathered(likelihood, values, batch)).log_prob(batch.y)
    found = torch.autograd.grad(together.sum(), [f, *values.values()])
    alone, total = torch.zeros_like(together), torch.zeros((), dtype=dtype)
    for kind in likelihood.kinds:
        own = torch.as_tensor(np.flatnonzero(np.isin(data.task, kind.tasks)))
        part = batch.select(own)
        prefix = f"{kind.name}."
        mine = {k.removeprefix(prefix): v for k, v in values.items() if k.startswith(prefix)}
        log_prob = kind.likelihood.distribution(
            f[own][:, : kind.outputs], part, gathered(kind.likelihood, mine, part)
        ).log_prob(part.y)
        alone[own] = log_prob.detach()
        total = total + log_prob.sum()
    expected = torch.autograd.grad(total, [f, *values.values()])
    assert torch.equal(together.detach(), alone)
    for a, b in zip(found, expected, strict=True):
        # sums in another order
        assert torch.allclose(a, b, rtol=1e-5 if dtype == torch.float32 else 1e-12)


def test_predictors_of_other_kinds_cannot_overflow() -> None:
    """Heights near 1,000 would be exp(1,000) to the counts, and 0 trials or noise to others."""
    likelihood, data, batch, f = setup(torch.float32)
    own = torch.as_tensor(np.isin(data.task, [3, 4]))
    f = torch.where(own[:, None], torch.full_like(f, 1e3), f)
    f[:, 1:] = torch.where(torch.as_tensor(data.task == 0)[:, None], f[:, 1:], torch.inf)
    values = {k: v.requires_grad_() for k, v in parameters_of(likelihood, torch.float32).items()}
    f.requires_grad_()
    parameters = gathered(likelihood, values, batch)
    log_prob = likelihood.distribution(f, batch, parameters).log_prob(batch.y)
    mean = likelihood.mean(f, batch, parameters)[torch.as_tensor(data.task != 0)]
    assert torch.isfinite(log_prob).all() and torch.isfinite(mean).all()
    for scalar in (log_prob.sum(), mean.sum()):
        for g in torch.autograd.grad(scalar, [f, *values.values()], retain_graph=True, allow_unused=True):
            assert g is None or torch.isfinite(g).all()


def test_vectorised_particles_equal_a_loop() -> None:
    likelihood, _, batch, f = setup()
    one = parameters_of(likelihood)
    two = {k: v * 1.5 for k, v in one.items()}
    stacked = {
        k: torch.stack([one[k], two[k]]).reshape(2, *([1] if k != "gaussian.scale" else []), *one[k].shape)
        for k in one
    }
    g = torch.stack([f, f + 0.1])
    parameters = gathered(likelihood, stacked, batch)
    distribution = likelihood.distribution(g, batch, parameters)
    assert distribution.batch_shape == g.shape[:-1] and distribution.event_shape == ()
    mean, probabilities = (
        getattr(likelihood, name)(g, batch, parameters) for name in ("mean", "probabilities")
    )
    for i, values in enumerate((one, two)):
        alone = gathered(likelihood, values, batch)
        expected = likelihood.distribution(g[i], batch, alone).log_prob(batch.y)
        assert torch.allclose(distribution.log_prob(batch.y)[i], expected, rtol=1e-12)
        assert torch.allclose(mean[i], likelihood.mean(g[i], batch, alone), equal_nan=True)
        other = likelihood.probabilities(g[i], batch, alone)
        assert other is not None and torch.allclose(probabilities[i], other, equal_nan=True)
    assert distribution.expand(torch.Size([4, *g.shape[:-1]])).log_prob(batch.y).shape == (4, *g.shape[:-1])


def test_draws_mean_and_probabilities_are_each_kinds_own() -> None:
    likelihood, data, batch, f = setup()
    parameters = gathered(likelihood, parameters_of(likelihood), batch)
    distribution = likelihood.distribution(f, batch, parameters)
    draws, mean = distribution.sample((4000,)), likelihood.mean(f, batch, parameters)
    assert draws.dtype == torch.float64 and torch.isfinite(distribution.log_prob(draws[0])).all()
    blood = torch.as_tensor(data.task == 0)
    assert mean[blood].isnan().all()
    log = torch.as_tensor(data.task == 5)
    rest = ~(blood | log)
    # 5 Monte-Carlo standard errors of 4,000 draws, 60 comparisons
    error = (draws.mean(0) - mean).abs()
    assert (error < 5 * (draws.std(0) + 1e-2) / 4000**0.5)[rest].all()
    # the log-normal's variance is itself hard to see: its logarithm is Gaussian around f
    spread = 0.8 * batch.spread_of_observations()
    assert ((draws.log().mean(0) - f[:, 0]).abs() < 5 * spread / 4000**0.5)[log].all()
    assert torch.allclose(
        distribution.variance[torch.as_tensor(data.task == 1)], f[:, 0].exp()[data.task == 1]
    )
    probabilities = likelihood.probabilities(f, batch, parameters)
    assert probabilities is not None and probabilities.shape == (len(data), 4)
    classes = torch.as_tensor(np.isin(data.task, [0, 2, 6]))
    assert torch.allclose(probabilities[classes].sum(-1), torch.ones(3 * EACH, dtype=torch.float64))
    assert probabilities[~classes].isnan().all() and (probabilities[blood][:, 3] == 0).all()
    at_target = probabilities[classes].gather(1, batch.y[classes].long()[:, None])[:, 0]
    assert torch.allclose(at_target.log(), distribution.log_prob(batch.y)[classes])


def test_without_classes_there_are_no_probabilities() -> None:
    data = make_data(np.arange(6.0), list("ababab"))
    likelihood = Mixed({"a": Gaussian(), "b": Poisson()}).bind(data)
    batch = make_batch(likelihood, data)
    parameters = {"gaussian.scale": torch.tensor(1.0)}
    assert likelihood.probabilities(torch.zeros(6, 1), batch, parameters) is None


def test_parameters_have_names_and_plates_of_their_kind() -> None:
    data = mixed_data()
    likelihood = Mixed({**LIKELIHOODS, "time": Gamma(dispersion="task")}).bind(data)
    dims = Dims(tasks=7, features=2, outputs=3, task_features=torch.zeros(7, 2))

    def program() -> dict[str, Tensor]:
        with pyro.plate("particles", 5, dim=-2):
            return likelihood.parameters(dims)

    trace = poutine.trace(program).get_trace()
    shapes = {name: trace.nodes[name]["value"].shape for name in trace.stochastic_nodes}
    assert shapes.pop("particles") == (5,)
    assert shapes.pop("gaussian_tasks") == (2,) and shapes.pop("gamma_tasks") == (1,)
    assert shapes == {
        "ordinal/cutpoint_increments": (5, 1, 2),
        "gaussian/noise_scale": (5, 2),
        "gamma/noise_concentration": (5, 1),
    }
    frames = {f.name for f in trace.nodes["gaussian/noise_scale"]["cond_indep_stack"]}
    assert frames == {"particles", "gaussian_tasks"}
    values = trace.nodes["_RETURN"]["value"]
    assert values["gaussian.scale"].shape == (5, 7)
    sampled = trace.nodes["gaussian/noise_scale"]["value"]
    assert torch.equal(values["gaussian.scale"][:, [3, 4]], sampled)
    assert (values["gaussian.scale"] > 0).all()
    assert values["ordinal.increments"].shape == (5, 1, 2)


@pytest.mark.parametrize("vectorize", [False, True])
def test_a_guide_can_be_trained(vectorize: bool) -> None:
    likelihood, _, batch, _ = setup(torch.float32)

    def program() -> None:
        with pyro.plate("tasks", 7, dim=-1):
            weights = pyro.sample("weights", Normal(0.0, 1.0).expand([3]).to_event(1))
        parameters = gathered(likelihood, likelihood.parameters(Dims(tasks=7, features=1, outputs=3)), batch)
        f = batch.shift[batch.task] + batch.spread[batch.task] * weights[..., batch.task, :]
        with pyro.plate("observations", batch.observations, dim=-1):
            pyro.sample("y", likelihood.distribution(f, batch, parameters), obs=batch.y)

    elbo = Trace_ELBO(num_particles=2, vectorize_particles=vectorize, max_plate_nesting=1)
    svi = SVI(program, AutoNormal(program), pyro.optim.Adam({"lr": 0.05}), elbo)
    losses = [svi.step() for _ in range(80)]
    assert np.isfinite(losses).all() and np.mean(losses[-20:]) < np.mean(losses[:20]) - 10


def test_it_can_be_captured_as_one_graph() -> None:
    likelihood, _, batch, f = setup()
    values = parameters_of(likelihood)

    def total(f: Tensor, *parts: Tensor) -> tuple[Tensor, ...]:
        parameters = gathered(likelihood, dict(zip(values, parts, strict=True)), batch)
        log_prob = likelihood.distribution(f, batch, parameters).log_prob(batch.y).sum()
        return (log_prob, *torch.autograd.grad(log_prob, [f, *parts]))

    def point(by: float) -> list[Tensor]:
        return [(v + by).detach().requires_grad_() for v in (f, *values.values())]

    with pyro.validation_enabled(False):
        graph = make_fx(total)(*point(0.0))
        for found, expected in zip(graph(*point(0.3)), total(*point(0.3)), strict=True):
            assert torch.allclose(found, expected, rtol=1e-10)


def test_selected_says_nothing_of_a_gradient_through_draws() -> None:
    masks = [torch.tensor([True, False]), torch.tensor([False, True])]
    parts = [Normal(torch.zeros(2), 1.0), Normal(torch.full((2,), 5.0), 1.0)]
    d = Selected(parts, masks, [0.0, 0.0], torch.float32)
    assert not d.has_rsample and d.mean.tolist() == [0.0, 5.0] and d.variance.tolist() == [1.0, 1.0]
