"""Hyperparameters beside their priors: what a check of the priors needs, without any data."""

from contextlib import nullcontext
from dataclasses import dataclass, replace

import numpy as np
import torch
from pyro import poutine
from pyro.contrib.autoname import scope
from pyro.distributions import Distribution, Independent
from pyro.poutine import Trace

from bayes_mtl._errors import BayesMTLError
from bayes_mtl._seed import seeded
from bayes_mtl.diagnostics._latents import of_weights
from bayes_mtl.diagnostics._suspects import mirrored
from bayes_mtl.diagnostics._test_quantities import ARBITRARY
from bayes_mtl.inference._local import local_parameters
from bayes_mtl.inference._only_svi import require_fixed_joint
from bayes_mtl.posterior import Posterior
from bayes_mtl.posterior._axes import coords, named_draws
from bayes_mtl.posterior._kinds import kinds
from bayes_mtl.priors import AbstractGaussianTaskPrior, at_draws

_DRAWS = 1000
_ENTRIES = 64
"""Entries of a site, evenly over it."""


@dataclass(frozen=True, eq=False)
class HyperSites:
    """Draws of hyperparameters from the posterior and from the prior.

    Attributes
    ----------
    names
        Of the entries that mean the same in every draw.
    posterior, prior
        ``[draws, entries]``; a prior that depends on other hyperparameters is drawn from at their draws.
    log_prior
        ``[draws]``: log-density of all hyperparameters.
    elementwise
        ``[entries]``: the distribution behind each entry, ``[draws, tasks or 1, *event]``, its place among
        the last axes, and the posterior's median there; None where the entries of a site have no densities of
        their own (correlations, shares).
    """

    names: list[str]
    posterior: np.ndarray
    prior: np.ndarray
    log_prior: np.ndarray
    elementwise: list[tuple[Distribution, int, float] | None]


def hyper_sites(posterior: Posterior) -> HyperSites | None:
    """None where the prior is no fixed joint distribution, is not at hand, or has no hyperparameters."""
    program = posterior.program
    try:
        require_fixed_joint(program.prior, program.network, "")
    except BayesMTLError:
        return None
    step = max(1, -(-posterior.number // _DRAWS))
    draws = {name: value[::step] for name, value in posterior.draws.items()}
    some = replace(posterior, draws=draws)
    with seeded(0), local_parameters(), torch.no_grad():
        trace = _trace(some)
        if trace is None:
            return None
        found = {
            name: site["fn"]
            for name, site in trace.nodes.items()
            if site["type"] == "sample" and name in draws and not of_weights(name)
        }
        sampled = {name: _sample(fn) for name, fn in found.items()}
        drawn = {name: value for name, value in sampled.items() if value is not None}
        trace.compute_log_prob()
        log_prior = torch.zeros(some.number, dtype=torch.float64)
        for name in found:
            log_prior += trace.nodes[name]["log_prob"].expand(some.number, -1).double().sum(-1)
    own = {name: draws[name] for name in drawn}
    expanded = {name: value.expand(some.number, *value.shape[1:]) for name, value in drawn.items()}
    names: list[str] = []
    after, before = [], []
    at: list[tuple[Distribution, int, float] | None] = []
    prior = named_draws(replace(some, draws=expanded))
    named = named_draws(replace(some, draws=own))
    labels = coords(some, named)
    for site, own_draws in named.items():
        if ARBITRARY.intersection(own_draws.dims):
            continue
        values = own_draws.values
        shape, flat = values.shape[1:], values.reshape(some.number, -1)
        usable = np.flatnonzero(~mirrored(values[None]) & (np.ptp(flat, axis=0) > 0))
        usable = usable[np.unique(np.linspace(0, len(usable) - 1, min(len(usable), _ENTRIES)).astype(int))]
        base = _elementwise(found[site])
        for i in usable:
            place = np.unravel_index(i, shape)
            entry = ", ".join(str(labels[dim][j]) for dim, j in zip(own_draws.dims, place, strict=True))
            names.append(f"{site}[{entry}]" if entry else site)
            raw = float(own[site].reshape(some.number, -1)[:, i].median())
            at.append(None if base is None else (base, int(i), raw))
        after.append(flat[:, usable])
        before.append(prior[site].values.reshape(some.number, -1)[:, usable])
    if not names:
        return None
    columns = [np.concatenate(parts, 1).astype(np.float64) for parts in (after, before)]
    return HyperSites(names, columns[0], columns[1], log_prior.numpy(), at)


def _trace(posterior: Posterior) -> Trace | None:
    """All but the weights themselves at the draws; None where the prior cannot be run."""
    program = posterior.program
    tasks = range(len(posterior.tasks))

    def run() -> None:
        if isinstance(program.prior, AbstractGaussianTaskPrior):
            for kind in kinds(program, posterior.draws, program.task_features):
                with scope(prefix=kind.name) if kind.name else nullcontext():
                    program.prior.moments(kind.dims)
        else:
            program.weights(program.task_features)
        program.fixed()
        program.likelihood.parameters(replace(program.dims(tasks=tasks), name="observed_tasks"))

    try:
        return at_draws(lambda: poutine.trace(run).get_trace(), posterior.draws)
    except BayesMTLError:
        return None


def _sample(fn: Distribution) -> torch.Tensor | None:
    """A draw from the prior; None of a flat one, which has none."""
    try:
        return fn.sample()
    except NotImplementedError:
        return None


def _elementwise(fn: Distribution) -> Distribution | None:
    """The distribution of single entries, where they are independent."""
    while isinstance(fn, Independent):
        fn = fn.base_dist
    return None if fn.event_shape else fn
