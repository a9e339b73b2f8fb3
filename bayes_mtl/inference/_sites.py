"""Latent sites of a Pyro program: where they live, and how they map to unconstrained numbers."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch
from pyro import poutine
from pyro.infer.autoguide.initialization import InitMessenger
from pyro.poutine.util import site_is_subsample
from torch import Tensor
from torch.distributions import Transform, biject_to

from bayes_mtl._errors import InputError, UnsupportedError, message
from bayes_mtl._hidden import hidden


@dataclass(frozen=True, eq=False)
class Site:
    """One latent site.

    Attributes
    ----------
    plate
        Name and size of the plate it is in, or None for a global site.
    shape
        Unconstrained event shape.
    """

    name: str
    transform: Transform
    event_dim: int
    plate: tuple[str, int] | None
    shape: torch.Size
    start: Tensor

    @property
    def size(self) -> int:
        """Unconstrained numbers per task, or in all for a global site."""
        return self.shape.numel()

    @property
    def count(self) -> int:
        """Unconstrained numbers of all tasks."""
        return self.size * (self.plate[1] if self.plate else 1)

    def constrain(self, flat: Tensor) -> tuple[Tensor, Tensor]:
        """Value and log-Jacobian from ``[..., tasks or none, size]`` unconstrained numbers."""
        unconstrained = flat.reshape((*flat.shape[:-1], *self.shape))
        value = self.transform(unconstrained)
        jacobian = self.transform.log_abs_det_jacobian(unconstrained, value)
        keep = flat.dim() - 1
        return value, jacobian.reshape(*jacobian.shape[:keep], -1).sum(-1)


def start_near_zero(values: Mapping[str, Tensor], site: Mapping[str, Any]) -> Tensor:
    """Starting value of a site: the given one, else close to zero on the unconstrained scale.

    A given value outside of the support, or on its edge, is left out: estimates know nothing of the
    hyperpriors that a user chose. Exactly zero would be a saddle point wherever two latent factors multiply.
    """
    function = site["fn"]
    if function.support.is_discrete:
        raise UnsupportedError(
            f"The latent site '{site['name']}' is discrete, and this inference takes none. Sum it out, as "
            "TaskClustering does with its assignments; a tree is sampled by Trees (a Gaussian likelihood, no "
            "network), or given: LatentHierarchy(tree=...)."
        )
    transform = biject_to(function.support)
    if site["name"] in values:
        value = values[site["name"]].to(torch.get_default_dtype()).expand(function.shape()).clone()
        # The check alone lets edges pass (0 for a HalfNormal), the inverse alone clamps what is beyond them.
        if function.support.check(value).all() and torch.isfinite(transform.inv(value)).all():
            return value
    shape = transform.inverse_shape(function.shape())
    return transform(0.1 * (2 * torch.rand(shape) - 1))


def latent_sites(
    program: Callable[..., Any], arguments: tuple[Any, ...], values: Mapping[str, Tensor]
) -> list[Site]:
    """Latent sites of a program, in the order in which it samples them.

    Raises
    ------
    InputError
        For axes that are neither a plate nor an event.
    UnsupportedError
        For discrete sites.
    """
    with hidden(), InitMessenger(partial(start_near_zero, values)):
        trace = poutine.trace(program).get_trace(*arguments)
    sites = []
    for name, site in trace.iter_stochastic_nodes():
        if site_is_subsample(site):
            continue
        function = site["fn"]
        frames = [f for f in site["cond_indep_stack"] if f.vectorized]
        transform = biject_to(function.support)
        start = transform.inv(site["value"].detach())
        batch = len(function.batch_shape)
        if list(function.batch_shape) != [frame.size for frame in frames[:1]]:
            raise InputError(
                message(
                    f"site '{name}'",
                    "one plate at most, and .to_event() for all other axes",
                    f"the axes {list(function.batch_shape)} in {len(frames)} plates",
                    "Call .to_event(1) on a distribution with one axis of its own, and so on.",
                )
            )
        shape = transform.inverse_shape(function.shape())[batch:]
        plate = (frames[0].name, frames[0].size) if frames else None
        sites.append(Site(name, transform, function.event_dim, plate, shape, start))
    return sites
