"""Collapsed evidence and exact draws against dense multivariate normals over all observations."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from pyro import poutine
from torch import Tensor
from torch.distributions import MultivariateNormal

from bayes_mtl import MultiTaskModel, TaskData
from bayes_mtl._seed import seeded
from bayes_mtl.inference._collapsed_program import CollapsedProgram
from bayes_mtl.inference._evidence import Evidence
from bayes_mtl.inference._log_evidence import log_evidence
from bayes_mtl.inference._task_sums import TaskSums
from bayes_mtl.likelihoods import Gaussian
from bayes_mtl.model import Program
from bayes_mtl.priors import AbstractTaskPrior, Moments, at_draws
from bayes_mtl.testing._prior_moments import implied
from bayes_mtl.testing._site_draws import SiteDraws, draw_sites, log_densities, together
from tests.crossed import crossed
from tests.priors.cases import JOINT

TASKS, ROWS = 4, 7

DATA: dict[str, dict[str, Any]] = {
    "plain": {},
    "fixed": {"varying": ["x1"]},
    "offset": {"offset": np.linspace(-3.0, 3.0, TASKS * ROWS)},
    "no_intercept": {"intercept": False},
    "known_noise": {"noise": np.linspace(0.5, 4.0, TASKS * ROWS)},
    "fixed_known_noise": {"varying": [], "noise": np.linspace(0.5, 4.0, TASKS * ROWS)},
}
LIKELIHOODS = {
    "shared": Gaussian(),
    "task": Gaussian(noise="task"),
    "units": Gaussian(units="task"),
}


def make_data(**options: Any) -> TaskData:
    random = np.random.default_rng(0)
    number = TASKS * ROWS
    x = random.normal(size=(number, 2)) * [1.0, 30.0] + 5.0
    y = 50.0 + 8.0 * random.normal(size=number)
    features = random.normal(size=(TASKS, 2))
    # unequal tasks: the last one has few rows
    task = np.where(np.arange(number) % 5 < 4, np.arange(number) % 3, 3)
    return TaskData.from_arrays(x, y, task, task_features=features, **options)


def collapsed(
    prior: AbstractTaskPrior, likelihood: Gaussian, data: TaskData, draws: int = 3
) -> tuple[CollapsedProgram, SiteDraws]:
    program = MultiTaskModel(prior, likelihood).program(data)
    found = CollapsedProgram(program, data)
    return found, draw_sites(found, draws=draws).to(torch.float64)


def stated(
    found: CollapsedProgram, values: dict[str, Tensor]
) -> tuple[Moments, dict[str, Tensor], Tensor | None]:
    """Moments, noise and fixed weights at one draw."""
    program: Program = found.program

    def parts() -> tuple[Moments, dict[str, Tensor], Tensor | None]:
        moments = found.prior.moments(found.dims)
        return moments, program.likelihood.parameters(found.dims), program.fixed()

    with poutine.block():
        return poutine.condition(parts, data=values)()


def observed(
    found: CollapsedProgram, data: TaskData, values: dict[str, Tensor]
) -> tuple[Tensor, Tensor, Tensor]:
    """Design ``[observations, features]``, targets less their known part, and noise sd, standardised."""
    _, noise, fixed = stated(found, values)
    scaling, width = found.program.scaling, len(data.schema.features)
    x = torch.as_tensor((data.x - scaling.x_mean) / scaling.x_sd)
    design = x[:, :width]
    if data.schema.intercept:
        design = torch.cat([torch.ones(len(data), 1, dtype=x.dtype), design], 1)
    shift, spread = scaling.shift[data.task, 0], scaling.spread[data.task, 0]
    y = data.y if data.offset is None else data.y - data.offset
    response = torch.as_tensor((y - shift) / spread)
    if fixed is not None:
        response = response - x[:, width:] @ fixed[:, 0]
    if data.noise is not None:
        sd = torch.as_tensor(data.noise / spread)
    else:
        scale = noise["scale"]
        sd = scale[torch.as_tensor(data.task)] if scale.dim() else scale.expand(len(data))
    return design, response, sd


def oracle(found: CollapsedProgram, data: TaskData, values: dict[str, Tensor]) -> Tensor:
    """Log-density of all targets, in the user's units, given the hyperparameters."""
    moments, _, _ = stated(found, values)
    design, response, sd = observed(found, data, values)
    jacobian = np.log(found.program.scaling.spread[data.task, 0])
    total = -torch.as_tensor(jacobian).sum()
    dims = found.dims
    task = torch.as_tensor(data.task)
    if moments.logits is None:
        mean, covariance = implied(moments, dims)
        wide = torch.zeros(len(data), dims.tasks, dims.features, dtype=design.dtype)
        wide[torch.arange(len(data)), task] = design
        wide = wide.flatten(1)
        return total + MultivariateNormal(
            wide @ mean, wide @ covariance @ wide.mT + sd.square().diag()
        ).log_prob(response)
    for t in range(dims.tasks):
        own, parts = task == t, []
        for k in range(moments.mean.shape[-3]):
            mean = moments.mean.expand(dims.tasks, -1, -1, -1)[t, k, :, 0].double()
            root = moments.scale[k, :, 0].diag() if moments.scale is not None else torch.zeros(1)
            if moments.correlation is not None:
                root = root @ moments.correlation[k]
            a = design[own]
            covariance = a @ (root @ root.mT).double() @ a.mT + sd[own].square().diag()
            logit = moments.logits.expand(dims.tasks, -1)[t, k].double()
            parts.append(logit + MultivariateNormal(a @ mean, covariance).log_prob(response[own]))
        total = total + torch.stack(parts).logsumexp(0)
    return total


# Noise that is known is that of no task.
KINDS = {
    f"{noise}-{case}": (noise, case)
    for case in DATA
    for noise in LIKELIHOODS
    if noise != "task" or "noise" not in DATA[case]
}


@pytest.mark.parametrize(("name", "kind"), crossed(JOINT, KINDS))
def test_evidence_is_the_dense_density(name: str, kind: str) -> None:
    noise, case = KINDS[kind]
    likelihood = LIKELIHOODS[noise]
    if "noise" in DATA[case]:
        likelihood = replace(likelihood, noise="known")
    data = make_data(**DATA[case])
    found, draws = collapsed(JOINT[name], likelihood, data)
    with torch.no_grad():
        densities = log_densities(together(found, (), draws), draws.number)["evidence"]
        for s in range(draws.number):
            expected = oracle(found, data, draws.one(s))
            assert torch.isclose(
                densities[s] if len(densities) > 1 else densities[0], expected, rtol=1e-9, atol=0
            )


@pytest.mark.parametrize("case", ["plain", "fixed"])
@pytest.mark.parametrize("name", JOINT)
def test_gradients_are_those_of_the_dense_density(name: str, case: str) -> None:
    data = make_data(**DATA[case])
    found, draws = collapsed(JOINT[name], Gaussian(noise="task"), data, draws=1)
    leaves = {k: v.clone().requires_grad_() for k, v in draws.values.items()}
    at = SiteDraws(leaves, draws.plated)
    total = log_densities(together(found, (), at), 1)["evidence"].sum()
    expected = oracle(found, data, at.one(0))
    # hyperparameters of what is itself given here (a precision's own) are in neither
    ours = torch.autograd.grad(total, list(leaves.values()), materialize_grads=True)
    theirs = torch.autograd.grad(expected, list(leaves.values()), materialize_grads=True)
    assert any(bool(b.ne(0).any()) for b in theirs)
    for site, a, b in zip(leaves, ours, theirs, strict=True):
        # the two sums cancel by some digits
        assert torch.allclose(a, b, rtol=1e-6, atol=1e-6 * float(b.abs().max() + 1)), site


def posterior(found: CollapsedProgram, data: TaskData, values: dict[str, Tensor]) -> tuple[Tensor, Tensor]:
    """Mean and covariance of all weights given one draw of the hyperparameters, one Gaussian."""
    moments, _, _ = stated(found, values)
    design, response, sd = observed(found, data, values)
    mean, covariance = implied(moments, found.dims)
    wide = torch.zeros(len(data), found.dims.tasks, found.dims.features, dtype=design.dtype)
    wide[torch.arange(len(data)), torch.as_tensor(data.task)] = design
    wide = wide.flatten(1)
    gain = covariance @ wide.mT @ torch.linalg.inv(wide @ covariance @ wide.mT + sd.square().diag())
    return mean + gain @ (response - wide @ mean), covariance - gain @ wide @ covariance


GAUSSIAN = [name for name in JOINT if "clustering" not in name]


@pytest.mark.parametrize("case", ["plain", "fixed"])
@pytest.mark.parametrize("name", GAUSSIAN)
def test_draws_have_the_posteriors_moments(name: str, case: str) -> None:
    data = make_data(**DATA[case])
    found, draws = collapsed(JOINT[name], Gaussian(), data, draws=2)
    number = 20_000
    with torch.no_grad(), seeded(0):
        drawn = at_draws(found.evidence, draws.values).draw(number)
        for s in range(2):
            weights = drawn.expand(number, 2, TASKS, -1)[:, s].flatten(1)
            mean, covariance = posterior(found, data, draws.one(s))
            error = covariance.diagonal().clamp_min(0).sqrt() / number**0.5
            # 6 Monte-Carlo standard errors; rounding where there is no spread
            assert ((weights.mean(0) - mean).abs() <= 6 * error + 1e-8).all()
            centred = weights - mean
            products = centred.unsqueeze(-1) * centred.unsqueeze(-2)
            error = products.std(0) / number**0.5
            assert ((products.mean(0) - covariance).abs() <= 6 * error + 1e-8).all()


@pytest.mark.parametrize("name", [name for name in JOINT if "clustering" in name])
def test_draws_of_a_mixture_follow_bayes_rule(name: str) -> None:
    data = make_data()
    found, draws = collapsed(JOINT[name], Gaussian(), data, draws=1)
    values, number = draws.one(0), 20_000
    with torch.no_grad(), seeded(0):
        weights = at_draws(found.evidence, draws.values).draw(number)[:, 0]
        moments, _, _ = stated(found, values)
        design, response, sd = observed(found, data, values)
        task = torch.as_tensor(data.task)
        for t in range(TASKS):
            a, r, noise = design[task == t], response[task == t], sd[task == t].square().diag()
            logs, means = [], []
            for k in range(moments.mean.shape[-3]):
                mean = moments.mean.expand(TASKS, -1, -1, -1)[t, k, :, 0].double()
                root = moments.scale[k, :, 0].diag()
                if moments.correlation is not None:
                    root = root @ moments.correlation[k]
                covariance = (root @ root.mT).double()
                target = MultivariateNormal(a @ mean, a @ covariance @ a.mT + noise)
                logs.append(moments.logits.expand(TASKS, -1)[t, k].double() + target.log_prob(r))
                means.append(
                    mean + covariance @ a.mT @ torch.linalg.solve(target.covariance_matrix, r - a @ mean)
                )
            share = torch.stack(logs).softmax(0)
            expected = share @ torch.stack(means)
            error = weights[:, t].std(0) / number**0.5
            # 6 Monte-Carlo standard errors
            assert ((weights[:, t].mean(0) - expected).abs() <= 6 * error).all()


def test_a_weight_of_two_is_a_row_twice() -> None:
    prior = JOINT["hierarchical"]
    data = make_data()
    weight = np.where(np.arange(len(data)) % 3 == 0, 2.0, 1.0)
    twice = data.subset(np.repeat(np.arange(len(data)), weight.astype(int)))
    weighted = replace(data, weight=weight)
    # the same scaling: weights do not enter it
    model = MultiTaskModel(prior, Gaussian(), standardize=False)
    a = CollapsedProgram(model.program(weighted), weighted)
    b = CollapsedProgram(model.program(twice), twice)
    draws = draw_sites(a, draws=2).to(torch.float64)
    with torch.no_grad():
        first = log_densities(together(a, (), draws), 2)["evidence"]
        second = log_densities(together(b, (), draws), 2)["evidence"]
    # sums of squares of targets near 50 lose some digits
    assert torch.allclose(first, second, rtol=1e-9)


def test_the_value_alone_is_the_value_with_a_gradient() -> None:
    random = torch.Generator().manual_seed(0)
    x = torch.randn(6, 5, 9, 3, generator=random).double()
    y = torch.randn(6, 5, 9, generator=random).double()
    mean, root = (torch.randn(6, 5, *shape, generator=random).double() for shape in ((3,), (3, 3)))
    sums = (
        x.mT @ x,
        (x.mT @ y.unsqueeze(-1)).squeeze(-1),
        y.square().sum(-1),
        torch.full((6, 5), 9.0).double(),
    )
    inverse = torch.rand(6, 5, generator=random).double() + 0.5
    alone = log_evidence(*sums, mean, root, inverse)
    assert not alone.requires_grad
    with_gradient = log_evidence(*sums, mean, root.requires_grad_(), inverse)
    assert with_gradient.requires_grad
    assert torch.allclose(alone, with_gradient, rtol=1e-10)


def sums_of(x: Tensor, r: Tensor) -> TaskSums:
    zero = torch.zeros(len(x), dtype=x.dtype)
    xy = (x.mT @ r.unsqueeze(-1)).squeeze(-1)
    return TaskSums(x.mT @ x, xy, r.square().sum(-1), zero + x.shape[-2], zero)


def by_orthogonal_factors(x: Tensor, r: Tensor, root: Tensor, sd: float) -> float:
    """Log density of ``r = x root z + sd e`` by least squares on rows: no sums, hence no lost digits."""
    columns = root.shape[-1]
    design = torch.cat([x @ root / sd, torch.eye(columns, dtype=x.dtype)])
    q, triangle = torch.linalg.qr(design)
    target = torch.cat([r / sd, torch.zeros(columns, dtype=x.dtype)])
    left = target - q @ (q.mT @ target)
    log_det = triangle.diagonal().abs().log().sum() + len(r) * np.log(sd * np.sqrt(2 * np.pi))
    return float(-0.5 * left.square().sum() - log_det)


@pytest.mark.parametrize("gradient", [False, True])
def test_targets_many_noise_scales_wide(gradient: bool) -> None:
    # a loading of 30,000 on noise of 0.04, with more columns than features, as a factor model has them
    random = torch.Generator().manual_seed(0)
    sd, tasks = 0.04, 4
    x = torch.randn(tasks, 8, 2, generator=random, dtype=torch.float64)
    loading = torch.randn(2, 1, generator=random, dtype=torch.float64)
    root = torch.cat([30_000.0 * loading, torch.eye(2, dtype=torch.float64)], -1)
    weights = root @ torch.randn(tasks, 3, 1, generator=random, dtype=torch.float64)
    noise = torch.randn(tasks, 8, generator=random, dtype=torch.float64)
    r = (x @ weights).squeeze(-1) + sd * noise
    sums, mean = sums_of(x, r), torch.zeros(1, 2, dtype=torch.float64)
    inverse = torch.full((1,), sd**-2, dtype=torch.float64).requires_grad_(gradient)
    found = Evidence(sums, mean, root.unsqueeze(0), inverse, None).log().sum()
    expected = sum(by_orthogonal_factors(x[t], r[t], root, sd) for t in range(tasks))
    # sums of squares of 5 10^12 noise variances, of which rounding takes 10^-16, a few times over
    assert found.item() == pytest.approx(expected, abs=5e-3)
