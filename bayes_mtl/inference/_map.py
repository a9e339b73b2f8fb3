"""The mode of the posterior, with a Gaussian around it where that is cheap."""

import time
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np
import torch
from pyro.infer.autoguide import AutoLaplaceApproximation
from pyro.infer.autoguide.initialization import InitMessenger
from torch import Tensor

from bayes_mtl._errors import InputError, message
from bayes_mtl._seed import seeded
from bayes_mtl.data import TaskData
from bayes_mtl.inference._abstract_inference import AbstractInference
from bayes_mtl.inference._hyper import LatentDraws
from bayes_mtl.inference._local import local_parameters
from bayes_mtl.inference._many_densities import log_densities
from bayes_mtl.inference._mode import curvature, find_mode
from bayes_mtl.inference._only_svi import require_fixed_joint
from bayes_mtl.inference._potential import Potential
from bayes_mtl.inference._singular import singular_explained
from bayes_mtl.inference._sites import start_near_zero
from bayes_mtl.inference._start import start_values
from bayes_mtl.inference._svi import SVI
from bayes_mtl.model import MultiTaskModel, Program
from bayes_mtl.posterior import FitRecord, Posterior, build_posterior

_GAIN_OF_MODE, _GAIN_OF_POINT = 1e-5, 5e-3
"""Nats a step must gain to go on."""
_FLAT, _SADDLE = 1e-2, 0.5
"""Curvatures below which a direction is flat, and below minus which the point is no mode."""


@dataclass(frozen=True)
class MAP(AbstractInference):
    """Posterior mode by L-BFGS, and a Laplace approximation around it.

    The mode is that of the unconstrained parameters (Jacobians included), so scales do not collapse to
    zero; outside of `Collapsed` the spread of tasks is found too wide instead, and tasks share little.
    A network in the model is trained along, by Adam; then there is no uncertainty, and one draw. `Frozen`
    makes features of it, on which the tasks' weights can be fitted anew with their uncertainty.

    Parameters
    ----------
    laplace
        Most parameters for which the Hessian at the mode is used (a Gaussian posterior on the
        unconstrained scale); beyond it, the only draw is the mode. 0 for the mode alone.
    iterations
        Most iterations of the optimiser.
    draws
        Draws of the Laplace approximation to keep.
    progress
        Whether to show a progress bar (networks only; the rest is quick).
    training
        How a network is trained: settings of `SVI`, of which guide, particles and draws are replaced by a
        point. Default: ``SVI(steps=5 * iterations)``.

    References
    ----------
    Tierney and Kadane, Accurate approximations for posterior moments and marginal densities (JASA 1986).
    """

    laplace: int = 150
    iterations: int = 1000
    draws: int = 250
    progress: bool = True
    training: SVI | None = None

    def __post_init__(self) -> None:
        if self.draws < 1 or self.iterations < 1:
            raise InputError(
                message("draws, iterations", "at least 1", (self.draws, self.iterations), "Raise them.")
            )

    def run(self, model: MultiTaskModel, data: TaskData, *, seed: int = 0) -> Posterior:
        require_fixed_joint(model.prior, model.network, "MAP")
        if model.network is not None:
            svi = self.training or SVI(steps=self.iterations * 5)
            watched = None if svi.validation is None else replace(svi.validation, draws=1)
            svi = replace(
                svi, guide=_point_guide, particles=1, draws=1, progress=self.progress, validation=watched
            )
            fitted = svi.run(model, data, seed=seed)
            return fitted.with_record(method="MAP", settings=self.described(), log_weights=None)
        began = time.perf_counter()
        with seeded(seed), local_parameters(), singular_explained():
            program = model.program(data)
            found = self.sample(
                program, (program.batch(data, dtype=torch.float64),), start_values(program, data)
            )
            record = FitRecord(
                method="MAP",
                settings=self.described(),
                seed=seed,
                device="cpu",
                seconds=time.perf_counter() - began,
                losses=found.losses,
                stopped=found.stopped,
                observations=len(data),
                log_weights=found.log_weights,
            )
            return build_posterior(program, found.values, record)

    def sample(
        self,
        program: Callable[..., Any],
        arguments: tuple[Any, ...],
        values: Mapping[str, Tensor],
    ) -> LatentDraws:
        """Mode of any program without discrete sites, as draws."""
        potential = Potential(program, arguments, values)
        # Stop where a step gains less than posterior noise would show; a Hessian needs a sharper mode.
        gain = _GAIN_OF_MODE if 0 < len(potential) <= self.laplace else _GAIN_OF_POINT
        mode = find_mode(potential, self.iterations, gain)
        if 0 < len(potential) <= self.laplace:
            points, log_weights = _laplace(potential, mode.point, self.draws)
        else:
            points, log_weights = mode.point.expand(1, -1), None
        with torch.no_grad():
            values, _ = potential.unpack(points)
        return LatentDraws(dict(values), mode.losses, mode.stopped, log_weights)


def _laplace(potential: Potential, mode: Tensor, draws: int) -> tuple[Tensor, np.ndarray]:
    """Draws of the Gaussian with the curvature at the mode, and their log importance weights."""
    values, vectors = curvature(potential, mode)
    if float(values.min()) < -_SADDLE:
        warnings.warn(
            "The optimiser stopped at a point from which the posterior still rises; directions that are not "
            "curved downwards are kept fixed. Use SVI or NUTS for these parameters.",
            stacklevel=4,
        )
    # Directions along which nothing changes (rotated factors, say) predict the same wherever they stand.
    flat = values < _FLAT
    noise = torch.randn(draws, len(mode), dtype=mode.dtype).masked_fill(flat, 0.0)
    points = mode + (noise / values.masked_fill(flat, 1.0).sqrt()) @ vectors.mT
    log_guide = -0.5 * noise.square().sum(-1)
    return points, (log_densities(potential, points) - log_guide).numpy()


def _point_guide(program: Program) -> AutoLaplaceApproximation:
    """A point on the unconstrained scale; `AutoDelta` would seek the mode on the constrained one."""
    return AutoLaplaceApproximation(InitMessenger(partial(start_near_zero, {}))(program))
