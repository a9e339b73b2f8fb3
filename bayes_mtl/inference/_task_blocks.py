"""The default guide: one Gaussian block for the hyperparameters and one for each task."""

from collections.abc import Callable
from functools import partial
from typing import Any

import pyro
import torch
from pyro.distributions import Delta, Normal
from pyro.infer.autoguide import AutoGuide
from pyro.infer.autoguide.initialization import InitMessenger
from torch import Tensor

from bayes_mtl.data import Batch
from bayes_mtl.inference._sites import Site, latent_sites, start_near_zero
from bayes_mtl.model import TASK_PLATES, task_scale

_MOST_COUPLING = 500_000
"""Numbers that may couple tasks to hyperparameters: every step updates them all."""
_PARTS = ("loc", "log_scale", "lower", "coupling")


class AutoTaskBlocks(AutoGuide):
    """Gaussian guide that follows the structure of a multi-task model.

    On the unconstrained scale the global sites are one Gaussian ``g ~ N(m, L L')``, and each task's
    sites another, ``z[t] ~ N(m[t] + C[t] L^-1 (g - m), L[t] L[t]')``, independent given ``g``. That is the
    sparsity which the posterior's own precision has, so it comes close to a full-rank guide while its
    size grows linearly with the number of tasks.

    Parameters
    ----------
    model
        A Pyro program whose task-level sites are in one plate.
    values
        Starting values by site.
    init_scale
        Initial standard deviation on the unconstrained scale.
    largest_block
        Blocks of tasks with more numbers than this are diagonal and not coupled to the hyperparameters:
        with hundreds of parameters more a task, Adam's noise costs more than the structure gains.
    largest_global
        The same for the block of the hyperparameters.
    """

    _most_coupling: float = _MOST_COUPLING

    def __init__(
        self,
        model: Callable[..., Any],
        values: dict[str, Tensor] | None = None,
        init_scale: float = 0.1,
        largest_block: int = 10,
        largest_global: int = 60,
    ) -> None:
        # Flat priors cannot be sampled from: the prototype starts where the guide does.
        super().__init__(InitMessenger(partial(start_near_zero, values or {}))(model))
        self._values, self._init_scale, self._largest = values or {}, init_scale, largest_block
        self._largest_global = largest_global

    def _setup_prototype(self, *args: Any, **kwargs: Any) -> None:
        super()._setup_prototype(*args, **kwargs)
        sites = latent_sites(partial(self.model, **kwargs), args, self._values)
        plates = {site.plate: None for site in sites if site.plate}
        self._blocks: list[tuple[tuple[str, int] | None, list[Site]]] = [
            (plate, [site for site in sites if site.plate == plate]) for plate in [None, *plates]
        ]
        globals_size = sum(site.size for site in self._blocks[0][1])
        for i, (plate, members) in enumerate(self._blocks):
            if members:
                self._keep(i, plate, self._first_part(plate, members, globals_size))

    def _first_part(
        self, plate: tuple[str, int] | None, members: list[Site], globals_size: int
    ) -> dict[str, Tensor]:
        """What a block starts with; zeros take no memory yet."""
        batch = [plate[1]] if plate else []
        loc = torch.cat([site.start.reshape(*batch, -1) for site in members], -1)
        size = loc.shape[-1]
        found = {"loc": loc, "log_scale": torch.full_like(loc, self._init_scale).log()}
        small = size <= (self._largest if plate else self._largest_global)
        if small and size > 1:
            found["lower"] = loc.new_zeros(()).expand(*batch, size, size)
        coupled = globals_size * loc.numel() <= self._most_coupling
        if plate and small and coupled and 0 < globals_size <= self._largest_global:
            found["coupling"] = loc.new_zeros(()).expand(*batch, size, globals_size)
        return found

    def _keep(self, i: int, plate: tuple[str, int] | None, part: dict[str, Tensor]) -> None:
        """Make parameters of what a block starts with."""
        for name, value in part.items():
            setattr(self, f"{name}_{i}", torch.nn.Parameter(value.clone()))

    def _part(self, i: int) -> dict[str, Tensor]:
        """What a block is made of now."""
        every = {name: getattr(self, f"{name}_{i}", None) for name in _PARTS}
        return {name: value for name, value in every.items() if value is not None}

    def forward(self, *args: Any, **kwargs: Any) -> dict[str, Tensor]:
        """Sample all latent sites; returns their values by name."""
        if self.prototype_trace is None:
            self._setup_prototype(*args, **kwargs)
        # A batch of a part of the tasks comes with the parameters of these in place of all.
        with task_scale(args[0].task_weight if args and isinstance(args[0], Batch) else None):
            return self._sample()

    def task_parameters(self) -> list[torch.nn.Parameter]:
        """Parameters with an entry for each task on their first axis; known after the first call."""
        found = dict(self.named_parameters())
        return [
            found[name]
            for i, (plate, members) in enumerate(self._blocks)
            for name in (f"{part}_{i}" for part in _PARTS)
            if members and plate is not None and plate[0] in TASK_PLATES and name in found
        ]

    def _sample(self) -> dict[str, Tensor]:
        values: dict[str, Tensor] = {}
        white = None
        for i, (plate, members) in enumerate(self._blocks):
            if not members:
                continue
            part = self._part(i)
            if plate is None:
                white = _block(i, members, part, values, None)
            else:
                with pyro.plate(plate[0], len(part["loc"]), dim=-1):
                    _block(i, members, part, values, white)
        return values


def _block(
    i: int, members: list[Site], part: dict[str, Tensor], values: dict[str, Tensor], white: Tensor | None
) -> Tensor:
    """Sample the sites of a block into ``values``; the noise that it was made of."""
    loc, log_scale = part["loc"], part["log_scale"]
    zero = loc.new_zeros(())
    noise: Tensor = pyro.sample(
        f"_block_{i}",
        Normal(zero, zero + 1.0).expand([loc.shape[-1]]).to_event(1),
        infer={"is_auxiliary": True},
    )
    moved = noise
    if "lower" in part:
        moved = noise + (part["lower"].tril(-1) @ noise.unsqueeze(-1)).squeeze(-1)
    flat = loc + log_scale.exp() * moved
    if white is not None and "coupling" in part:
        flat = flat + (part["coupling"] @ white.unsqueeze(-1)).squeeze(-1)
    # Density of the sample by change of variables from the noise: no triangular solve in the step.
    density, at = -log_scale.sum(-1), 0
    for site in members:
        value, jacobian = site.constrain(flat[..., at : at + site.size])
        at += site.size
        delta = Delta(value, log_density=density - jacobian, event_dim=site.event_dim)
        values[site.name] = pyro.sample(site.name, delta)
        density = torch.zeros_like(density)
    return noise
