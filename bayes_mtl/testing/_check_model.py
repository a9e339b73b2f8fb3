"""The contract of a whole model: what holds for every Pyro program that a model stands for."""

import pyro
import torch
from pyro import poutine
from pyro.util import check_site_shape
from torch import Tensor

from bayes_mtl._seed import seeded
from bayes_mtl.data import Batch, Minibatches, TaskData
from bayes_mtl.inference._by_task import allows_parts
from bayes_mtl.model import MultiTaskModel, Program
from bayes_mtl.priors import at_draws
from bayes_mtl.testing._graph import check_capture
from bayes_mtl.testing._moderate import Moderate
from bayes_mtl.testing._require import require, runs
from bayes_mtl.testing._site_draws import SiteDraws, alone, draw_sites, latent, log_densities, together

_ROUNDING = {torch.float64: 1e-9, torch.float32: 1e-5}
"""Relative difference of sums taken in another order; some densities (Gamma) cast to float32."""


def check_model(model: MultiTaskModel, data: TaskData) -> None:
    """Check what every combination of prior, likelihood and network must satisfy on ``data``.

    The program passes Pyro's own validation; its plates are where the library expects them; particles
    run together give the numbers of particles run one by one; every latent site matters to the density
    and has finite gradients; the batches of an epoch average to all observations; where steps may see a part
    of the tasks only, the parts have the densities of the whole; the program can be captured as one graph, as
    compiled inference does.

    Parameters
    ----------
    model
        The combination to check; it is not changed.
    data
        Few observations: up to a hundred.

    Raises
    ------
    CheckFailed
        On the first rule that is broken.
    """
    parts = [model.prior, model.likelihood, *([] if model.network is None else [model.network])]
    subject = " with ".join(type(part).__name__ for part in parts)
    with runs(f"{subject}: writing the program", "Read the cause below."):
        program = model.program(data)
    program.eval()
    check_program(subject, program, data)


def check_program(subject: str, program: Program, data: TaskData, *, capture: bool = True) -> None:
    """See `check_model`; capturing takes most of the time."""
    _check_validated(subject, program, program.batch(data))
    parts = allows_parts(program)
    draws = draw_sites(program, program.batch(data)).to(torch.float64)
    program = program.double()
    batch = program.batch(data, dtype=torch.float64)
    with pyro.validation_enabled(False):
        _check_vectorised(subject, program, batch, draws)
        _check_gradients(subject, program, batch, draws)
        _check_minibatches(subject, program, data, draws)
        if parts:
            _check_parts(subject, program, batch, draws)
        if capture:
            check_capture(subject, program, batch, draws)


def _check_validated(subject: str, program: Program, batch: Batch) -> None:
    rule = f"{subject}: one run under validation"
    with seeded(0), pyro.validation_enabled(True), Moderate(), runs(rule, _SHAPES):
        trace = poutine.trace(program).get_trace(batch)
        trace.compute_log_prob()
        for site in trace.nodes.values():
            if site["type"] == "sample":
                check_site_shape(site, max_plate_nesting=1)
    for name, site in latent(trace):
        places = {frame.dim for frame in site["cond_indep_stack"] if frame.vectorized}
        require(
            places <= {-1},
            f"{subject}: the plate around '{name}'",
            "the plate of tasks at dim=-1 or none",
            f"plates at {sorted(places)}",
            "Use 'with dims.plate():' for what is sampled for each task, and .to_event() for all else.",
        )
        require(
            bool(torch.isfinite(site["log_prob"]).all()),
            f"{subject}: the log-density of '{name}'",
            "finite numbers",
            site["log_prob"].tolist(),
            "Look for a division by zero or a logarithm of zero.",
        )


def _check_vectorised(subject: str, program: Program, batch: Batch, draws: SiteDraws) -> None:
    rule = f"{subject}: several particles at once"
    with torch.no_grad(), runs(rule, _SHAPES):
        trace = together(program, (batch,), draws)
        found = log_densities(trace, draws.number)
        one_by_one = [log_densities(trace) for trace in alone(program, (batch,), draws)]
    for name, value in found.items():
        expected = torch.stack([densities[name] for densities in one_by_one])
        _require_close(
            value,
            expected,
            f"{subject}: log-density of '{name}' of {draws.number} particles at once",
            "that of one by one",
        )


def _check_gradients(subject: str, program: Program, batch: Batch, draws: SiteDraws) -> None:
    leaves = {name: value.clone().requires_grad_() for name, value in draws.values.items()}
    at = SiteDraws(leaves, draws.plated)
    with runs(f"{subject}: log-density with gradients", "Read the cause below."):
        densities = log_densities(together(program, (batch,), at), draws.number)
        weights = at_draws(lambda: program.weights(batch.task_features), leaves)
    total = torch.stack([density.sum() for density in densities.values()]).sum()
    # likelihoods may be blind to a direction of the weights (softmax to a constant), so ask these too
    probe = (
        weights * torch.linspace(1.0, 2.0, weights.numel(), dtype=weights.dtype).reshape(weights.shape)
    ).sum()
    for name, leaf in leaves.items():
        _require_finite(subject, name, _gradient(total, leaf))
        # without the site's own density, which has a gradient whether or not the site is used
        gradient = _gradient(total - densities[name].sum() + probe, leaf)
        if batch.tasks == 1:
            continue  # features of one task say nothing once they are centred
        used = gradient.flatten(2).ne(0).any(-1) if leaf.dim() > 2 else gradient.ne(0)
        require(
            bool(used.all()),
            f"{subject}: the rest of the density",
            f"to depend on '{name}'" + (" of every task" if name in draws.plated else ""),
            "a gradient of 0",
            "Use the sampled value, undetached, or do not sample it.",
        )


def _gradient(value: Tensor, leaf: Tensor) -> Tensor:
    if not value.requires_grad:
        return torch.zeros_like(leaf)
    (found,) = torch.autograd.grad(value, leaf, retain_graph=True, allow_unused=True)
    return torch.zeros_like(leaf) if found is None else found


def _require_finite(subject: str, name: str, gradient: Tensor) -> None:
    require(
        bool(torch.isfinite(gradient).all()),
        f"{subject}: the gradient at '{name}'",
        "finite numbers",
        "infinite or undefined ones",
        "Keep clear of 0 in logarithms, roots and divisions, also in branches of torch.where.",
    )


def _check_minibatches(subject: str, program: Program, data: TaskData, draws: SiteDraws) -> None:
    number = len(data)
    size = next(size for size in range(max(2, number // 4), number + 1) if number % size == 0)
    source = Minibatches(data, program.scaling, size=size, dtype=torch.float64)
    with torch.no_grad():
        full = log_densities(
            together(program, (program.batch(data, dtype=torch.float64),), draws), draws.number
        )
        parts = [
            log_densities(together(program, (source.next(),), draws), draws.number)
            for _ in range(number // size)
        ]
    for name, value in full.items():
        mean = torch.stack([part[name] for part in parts]).mean(0)
        _require_close(
            mean,
            value,
            f"{subject}: log-density of '{name}', averaged over the mini-batches of an epoch",
            "that of all observations",
        )


def _check_parts(subject: str, program: Program, batch: Batch, draws: SiteDraws) -> None:
    """Batches of every other task have these tasks' densities, and the hyperparameters' own."""
    full = log_densities(together(program, (batch,), draws), draws.number)
    sums = {name: torch.zeros_like(full[name]) for name in (*draws.plated, "y")}
    for first in range(min(2, batch.tasks)):
        members = torch.arange(first, batch.tasks, 2)
        part = batch.select(torch.isin(batch.task, members).nonzero().flatten())
        part = part.of_tasks(members, part.task // 2, torch.ones(len(members), dtype=torch.float64))
        own = {k: v.index_select(1, members) if k in draws.plated else v for k, v in draws.values.items()}
        found = log_densities(together(program, (part,), SiteDraws(own, draws.plated)), draws.number)
        for name in full:
            rule = f"{subject}: log-density of '{name}' of a part of the tasks"
            if name in sums:
                sums[name] = sums[name] + found[name]
            else:
                _require_close(found[name], full[name], rule, "that of all tasks", _PARTS)
    for name, value in sums.items():
        rule = f"{subject}: log-density of '{name}', summed over parts of the tasks"
        _require_close(value, full[name], rule, "that of all tasks", _PARTS)


def _require_close(found: Tensor, expected: Tensor, rule: str, what: str, remedy: str = "") -> None:
    # PyTorch's Gamma has densities in the type of its own parameters, whatever that of the value
    rounding, found = _ROUNDING[expected.dtype], found.to(expected.dtype)
    close = torch.allclose(found, expected, rtol=rounding, atol=rounding * float(expected.abs().max() + 1))
    require(close, rule, f"{what}, {expected.tolist()}", found.tolist(), remedy or _SHAPES)


_PARTS = (
    "Where a density depends on the number of tasks, take dims.all_tasks: a batch may hold a part of them."
)
_SHAPES = (
    "Leading axes belong to particles: keep the axis of tasks directly left of the event axes, count axes "
    "from the right, and write '...' in front of them."
)
