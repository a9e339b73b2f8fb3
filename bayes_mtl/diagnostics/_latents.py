"""The unknowns that an inference had to describe."""

from collections.abc import Callable
from functools import partial
from weakref import WeakKeyDictionary

import torch
from pyro import poutine
from pyro.infer.autoguide.initialization import InitMessenger
from torch.distributions import biject_to

from bayes_mtl._errors import BayesMTLError
from bayes_mtl._hidden import hidden
from bayes_mtl._seed import seeded
from bayes_mtl.inference._shared_weights import shared_weights
from bayes_mtl.inference._sites import start_near_zero
from bayes_mtl.model import Program
from bayes_mtl.posterior import Posterior
from bayes_mtl.priors import AbstractGaussianTaskPrior

_OF_WEIGHTS = ("weights", "weights_noise", "weights_activity")
_found: "WeakKeyDictionary[Program, tuple[int, dict[str, int] | None]]" = WeakKeyDictionary()
"""By program, for its tasks: a check asks several times, and each answer takes a run of the prior."""
_shared: "WeakKeyDictionary[Program, frozenset[str]]" = WeakKeyDictionary()
"""Names of what all tasks share, where it is drawn exactly."""


def latent_sizes(posterior: Posterior) -> dict[str, int] | None:
    """Number of free real numbers behind each latent site; None where the prior cannot be run.

    That is the case after loading a posterior whose prior is a class of the user's own.
    """
    number = len(posterior.tasks)
    tasks, sizes = _found.get(posterior.program, (-1, None))
    if tasks != number:
        sizes = _latent_sizes(posterior.program, number)
        _found[posterior.program] = number, sizes
    return sizes


def _latent_sizes(program: Program, number: int) -> dict[str, int] | None:
    parts = (
        lambda: program.weights(program.task_features),
        program.fixed,
        lambda: program.likelihood.parameters(program.dims(tasks=range(number))),
    )
    sizes: dict[str, int] = {}
    try:
        with seeded(0), torch.no_grad(), hidden():
            for part in parts:
                sizes |= _sizes(part)
    except BayesMTLError:
        return None
    return sizes


def _sizes(part: Callable[[], object]) -> dict[str, int]:
    """Of one part of a program: two of them may have a plate of the same name."""
    # Flat priors cannot be sampled from: sites start near zero instead.
    start = InitMessenger(partial(start_near_zero, {}))
    return {
        name: biject_to(site["fn"].support).inverse_shape(site["fn"].shape()).numel()
        for name, site in poutine.trace(start(part)).get_trace().nodes.items()
        if site["type"] == "sample" and not site["is_observed"] and not poutine.util.site_is_subsample(site)
    }


def unknowns(posterior: Posterior) -> int | None:
    """How many free real numbers the inference described; what is drawn exactly is not among them."""
    sizes = latent_sizes(posterior)
    if sizes is None:
        return None
    exact = drawn_exactly(posterior)
    return max(1, sum(size for name, size in sizes.items() if name not in exact))


def of_weights(site: str) -> bool:
    """Whether a site is the tasks' weights, or what they are made of."""
    return site.rsplit("/", 1)[-1] in _OF_WEIGHTS


def adapted(posterior: Posterior) -> bool:
    """Whether tasks were added to a fitted posterior, whose draws were resampled for them."""
    return posterior.record.method.startswith("adapt(")


def collapsed(posterior: Posterior) -> bool:
    """Whether the weights were drawn exactly given the hyperparameters."""
    return posterior.record.method.startswith("Collapsed")


def drawn_exactly(posterior: Posterior) -> frozenset[str]:
    """Sites drawn exactly given the others: weights of a collapsed fit, and what its tasks share."""
    sizes, program = latent_sizes(posterior), posterior.program
    if not collapsed(posterior) or sizes is None or not isinstance(program.prior, AbstractGaussianTaskPrior):
        return frozenset()
    if program not in _shared:
        sites = shared_weights(program, program.prior, program.dims(program.task_features)) or ()
        _shared[program] = frozenset(site.name for site in sites)
    return _shared[program] | {name for name in sizes if of_weights(name)}


def at_one_point(posterior: Posterior) -> tuple[str, ...]:
    """Names of the hyperparameters where all draws share their values; none where any of them varies.

    What is drawn exactly given the others varies even so.
    """
    sizes = latent_sizes(posterior)
    hyper = {
        name: value
        for name, value in posterior.draws.items()
        if not of_weights(name) and (sizes is None or name in sizes)
    }
    varying = {name for name, value in hyper.items() if not torch.equal(value, value[:1].expand_as(value))}
    if varying and not varying <= drawn_exactly(posterior):
        return ()
    return tuple(sorted(set(hyper) - varying))
