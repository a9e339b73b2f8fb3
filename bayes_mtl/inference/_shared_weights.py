"""What all tasks share and a program's evidence is Gaussian in: the population's mean, and fixed weights."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial

import torch
from pyro import poutine
from pyro.distributions import Distribution, Independent, Normal
from pyro.infer.autoguide.initialization import InitMessenger
from torch import Tensor

from bayes_mtl._hidden import hidden
from bayes_mtl._seed import seeded
from bayes_mtl._shapes import Dims
from bayes_mtl.inference._collapsed_program import moments_of
from bayes_mtl.inference._sites import start_near_zero
from bayes_mtl.model import Program
from bayes_mtl.priors import AbstractGaussianTaskPrior, Moments

_PARTS = ("scale", "correlation", "factor")
_CLOSE = 1e-4
"""Of numbers near 1 in single precision."""


@dataclass(frozen=True, eq=False)
class SharedWeights:
    """A site with independent Gaussian entries that tasks' rows are linear in.

    Attributes
    ----------
    loc, scale
        Of its prior, ``[features]`` in double precision.
    shape
        Of a value.
    fixed
        Whether they are the weights of fixed features, or else the mean of the tasks' weights.
    """

    name: str
    loc: Tensor
    scale: Tensor
    shape: torch.Size
    fixed: bool

    def value(self, white: Tensor) -> Tensor:
        """Values ``[..., *shape]`` of standard normal ``white [..., features]``."""
        return (self.loc + self.scale * white).reshape(*white.shape[:-1], *self.shape)


def shared_weights(
    program: Program, prior: AbstractGaussianTaskPrior, dims: Dims
) -> tuple[SharedWeights, ...] | None:
    """Sites that can be integrated out together with the weights, given the rest.

    None where tasks have to be seen together, or as a mixture: no such program is made of them.
    """
    moments = moments_of(prior, dims)
    if moments.tasks is not None or moments.logits is not None:
        return None
    return tuple(site for site in (shared_mean(prior, dims), shared_fixed(program)) if site is not None)


def shared_mean(prior: AbstractGaussianTaskPrior, dims: Dims) -> SharedWeights | None:
    """The site that the tasks' mean moves with, one to one, and nothing else does; None without any.

    Found by trying at two places, so that it is found in a user's own prior too, under whatever name.
    """
    here, elsewhere = (_trace(prior, dims, seed) for seed in (0, 1))
    for name in here.stochastic_nodes:
        found, other = (_normal(name, trace.nodes[name]["fn"], fixed=False) for trace in (here, elsewhere))
        if found is None or other is None or found.shape != torch.Size(dims.weights):
            continue
        same = torch.equal(found.loc, other.loc) and torch.equal(found.scale, other.scale)
        if same and all(_moves_the_mean_alone(name, trace, prior, dims) for trace in (here, elsewhere)):
            return found
    return None


def _trace(
    prior: AbstractGaussianTaskPrior, dims: Dims, seed: int, values: Mapping[str, Tensor] | None = None
) -> poutine.Trace:
    start = InitMessenger(partial(start_near_zero, {}))
    with seeded(seed), torch.no_grad(), hidden(), start:
        return poutine.trace(poutine.condition(prior.moments, data=dict(values or {}))).get_trace(dims)


def _moves_the_mean_alone(
    name: str, before: poutine.Trace, prior: AbstractGaussianTaskPrior, dims: Dims
) -> bool:
    """Whether the weights' mean follows a site, and neither their spread nor another site's prior does."""
    values = {site: before.nodes[site]["value"] for site in before.stochastic_nodes}
    step = 1.0 + torch.linspace(0.0, 1.0, values[name].numel()).reshape(values[name].shape)
    after = _trace(prior, dims, 0, {**values, name: values[name] + step})
    one, other = (trace.nodes["_RETURN"]["value"] for trace in (before, after))
    change = other.mean - one.mean
    if not torch.allclose(change, step.expand_as(change), atol=_CLOSE) or not _same(one, other):
        return False
    rest = [site for site in values if site != name]
    densities = (
        [trace.nodes[site]["fn"].log_prob(values[site]) for site in rest] for trace in (before, after)
    )
    return all(torch.equal(a, b) for a, b in zip(*densities, strict=True))


def shared_fixed(program: Program) -> SharedWeights | None:
    """The weights of features that have the same effect in all tasks."""
    with seeded(0), torch.no_grad(), hidden(), InitMessenger(partial(start_near_zero, {})):
        trace = poutine.trace(program.fixed).get_trace()
    name = next(iter(trace.stochastic_nodes), None)
    return None if name is None else _normal(name, trace.nodes[name]["fn"], fixed=True)


def _normal(name: str, function: Distribution, *, fixed: bool) -> SharedWeights | None:
    """None for other distributions, and in a plate."""
    base = function.base_dist if isinstance(function, Independent) else function
    if type(base) is not Normal or function.batch_shape:
        return None
    loc, scale = (part.detach().double().flatten() for part in (base.loc, base.scale))
    return SharedWeights(name, loc, scale, function.shape(), fixed)


def _same(one: Moments, other: Moments) -> bool:
    pairs = [(getattr(one, name), getattr(other, name)) for name in _PARTS]
    return all(a is b is None or (a is not None and b is not None and torch.equal(a, b)) for a, b in pairs)
