"""Richer and richer approximations, until one is close enough."""

import time
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from pyro.infer.autoguide import AutoLowRankMultivariateNormal, AutoMultivariateNormal, AutoNormal

from bayes_mtl._errors import InputError, UnsupportedError, message
from bayes_mtl._psis import psis
from bayes_mtl._seed import seeded
from bayes_mtl.data import TaskData
from bayes_mtl.inference._abstract_inference import AbstractInference
from bayes_mtl.inference._collapsed import Collapsed
from bayes_mtl.inference._importance_resample import LARGEST_K, importance_resample
from bayes_mtl.inference._local import local_parameters
from bayes_mtl.inference._nested_laplace import NestedLaplace
from bayes_mtl.inference._nuts import NUTS
from bayes_mtl.inference._only_svi import require_fixed_joint
from bayes_mtl.inference._population_monte_carlo import PopulationMonteCarlo
from bayes_mtl.inference._sites import latent_sites
from bayes_mtl.inference._start import start_values
from bayes_mtl.inference._svi import SVI
from bayes_mtl.model import MultiTaskModel
from bayes_mtl.posterior import Posterior

LARGEST_FULL_RANK = 2_000
"""Unknowns up to which a covariance between all of them is worth its cost."""


def ladder(svi: SVI, nuts: NUTS) -> dict[str, AbstractInference]:
    """The order in which approximations get richer, each by its name.

    Independent Gaussians; a Gaussian block for the hyperparameters and one for each task, coupled to it; a
    covariance of low rank between all unknowns; one of full rank; with the weights integrated out, points
    weighted by importance, then chains; such points with the weights integrated out around their modes;
    chains on everything.
    """
    guides: dict[str, Any] = {
        "mean field": AutoNormal,
        "task blocks": None,
        "low rank": partial(AutoLowRankMultivariateNormal, rank=10),
        "full rank": AutoMultivariateNormal,
    }
    return {
        **{
            name: replace(svi, guide=guide, checkpoint=_own_path(svi, name)) for name, guide in guides.items()
        },
        "collapsed points": Collapsed(PopulationMonteCarlo(progress=nuts.progress)),
        "collapsed chains": Collapsed(nuts),
        "nested Laplace": NestedLaplace(PopulationMonteCarlo(progress=nuts.progress)),
        "chains": nuts,
    }


def _own_path(svi: SVI, name: str) -> str | None:
    """Where a rung writes its checkpoint: ``fit.low_rank.checkpoint`` for ``fit.checkpoint``."""
    if svi.checkpoint is None:
        return None
    path = Path(svi.checkpoint)
    return str(path.with_name(f"{path.stem}.{name.replace(' ', '_')}{path.suffix}"))


@dataclass(frozen=True)
class Escalation(AbstractInference):
    """Fit with one approximation after the other until k-hat says that one is close, and correct that.

    From guides to the exact: mean field, task blocks, low rank, full rank (up to 2,000 unknowns); then, where
    the weights can be integrated out, `PopulationMonteCarlo` and chains; `NestedLaplace`; then chains on
    everything. What does not fit the model is passed over.

    Parameters
    ----------
    svi
        Settings of the guides' training; its own guide is not used. Each rung has a checkpoint of its own:
        with ``checkpoint="fit.checkpoint"`` the first is ``fit.mean_field.checkpoint``.
    nuts
        Settings of the chains.
    first, last
        Rungs to begin and to end with, by name: ``"mean field"``, ``"task blocks"``, ``"low rank"``,
        ``"full rank"``, ``"collapsed points"``, ``"collapsed chains"``, ``"nested Laplace"``, ``"chains"``.
    largest_k
        k-hat from which an approximation is not close enough; at most 0.7.
    correct
        Whether the draws of one that is close are chosen anew by their importance weights
        (`importance_resample`).

    Notes
    -----
    Where no rung is close, the posterior of the last one is returned, and `check` says how far it is. A
    network is trained anew on each rung, and no chains follow.

    References
    ----------
    Yao, Vehtari, Simpson and Gelman, Yes, but did it work? (ICML 2018): k-hat as a judge of approximations.
    """

    svi: SVI = field(default_factory=SVI)
    nuts: NUTS = field(default_factory=NUTS)
    first: str = "mean field"
    last: str = "chains"
    largest_k: float = LARGEST_K
    correct: bool = True

    def __post_init__(self) -> None:
        names = list(ladder(self.svi, self.nuts))
        for name in ("first", "last"):
            if getattr(self, name) not in names:
                expected = f"one of {', '.join(map(repr, names))}"
                raise InputError(message(name, expected, repr(getattr(self, name)), "Choose one."))
        if names.index(self.first) > names.index(self.last):
            raise InputError(message("last", f"a rung from {self.first!r} on", repr(self.last), "Swap them."))
        if not 0 < self.largest_k <= LARGEST_K:
            raise InputError(message("largest_k", f"in (0, {LARGEST_K}]", self.largest_k, "Leave it out."))

    def run(self, model: MultiTaskModel, data: TaskData, *, seed: int = 0) -> Posterior:
        require_fixed_joint(model.prior, model.network, "Escalation")
        began = time.perf_counter()
        rungs = ladder(self.svi, self.nuts)
        names = list(rungs)
        found: Posterior | None = None
        tried: list[str] = []
        reasons: list[str] = []
        for name in names[names.index(self.first) : names.index(self.last) + 1]:
            if name == "full rank" and _unknowns(model, data) > LARGEST_FULL_RANK:
                reasons.append(f"{name}: more than {LARGEST_FULL_RANK:,} unknowns")
                continue
            try:
                found = rungs[name].run(model, data, seed=seed)
            except UnsupportedError as error:
                reasons.append(f"{name}: {error}")
                continue
            k = k_hat(found)
            tried.append(name if k is None else f"{name} (k-hat {k:.2f})")
            if k is None or k <= self.largest_k:
                if k is not None and self.correct:
                    found = importance_resample(found, seed=seed)
                break
        if found is None:
            raise UnsupportedError(f"No rung fits this model. {'; '.join(reasons)}")
        settings: dict[str, Any] = {**found.record.settings, "tried": ", then ".join(tried)}
        return found.with_record(settings=settings, seconds=time.perf_counter() - began)


def k_hat(posterior: Posterior) -> float | None:
    """k-hat of a posterior's importance weights; infinite where it cannot be told, None for exact draws."""
    weights = posterior.record.log_weights
    if weights is None:
        return None
    k = float(psis(weights)[1])
    return np.inf if np.isnan(k) else k


def _unknowns(model: MultiTaskModel, data: TaskData) -> int:
    with seeded(0), local_parameters(), torch.no_grad():
        program = model.program(data)
        sites = latent_sites(program.latents, (program.batch(data),), start_values(program, data))
    return sum(site.count for site in sites)
