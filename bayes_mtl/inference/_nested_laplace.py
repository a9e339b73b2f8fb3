"""Hyperparameters with the weights integrated out around their modes, corrected by importance sampling."""

import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import partial

import numpy as np
import torch
from torch import Tensor

from bayes_mtl._errors import InputError, UnsupportedError, message
from bayes_mtl._psis import psis
from bayes_mtl._seed import seeded
from bayes_mtl.data import TaskData
from bayes_mtl.inference._abstract_inference import AbstractInference
from bayes_mtl.inference._adaptive_importance import NEGLIGIBLE, effective_number, largest_k
from bayes_mtl.inference._hyper import LatentDraws
from bayes_mtl.inference._importance_resample import systematic
from bayes_mtl.inference._laplace_program import LaplaceProgram
from bayes_mtl.inference._local import local_parameters
from bayes_mtl.inference._many_densities import in_cache
from bayes_mtl.inference._number_of_draws import number_of_draws, require_draws
from bayes_mtl.inference._population_monte_carlo import FEWEST, PopulationMonteCarlo
from bayes_mtl.inference._singular import singular_explained
from bayes_mtl.inference._sites import latent_sites
from bayes_mtl.inference._start import start_values
from bayes_mtl.model import MultiTaskModel
from bayes_mtl.posterior import FitRecord, Posterior, build_posterior
from bayes_mtl.priors import at_draws

_PROPOSALS = 32
_WORTH, _MORE = 0.5, 4
"""Of the draws to keep: what the corrected ones have to be worth; where it is less, so many are tried."""
_NONE = "_none"


@dataclass(frozen=True)
class NestedLaplace(AbstractInference):
    """Weights integrated out around their modes, hyperparameters by importance sampling; then corrected.

    For any likelihood of one output (classes, counts, durations, heavy tails), and priors that are Gaussian
    given their hyperparameters, with tasks that are independent given these. Each task's weights are a
    Gaussian around their mode, found by Newton steps for hundreds of hyperparameters at once; what that
    leaves out is corrected task by task with draws from around the mode, so that what is handed on are
    draws of the exact posterior up to Monte-Carlo error, without chains.

    Parameters
    ----------
    hyperparameters
        Settings of the sampling of the hyperparameters; its own ``draws`` are not used.
    draws
        Draws to keep. Default 1,000, or fewer (at least 100) where draws of all tasks' weights would take
        more than 0.4 GB.
    proposals
        Weights of each task to choose from, for each draw of the hyperparameters. Default 32, or half the
        number of tasks where that is more: errors of all tasks add up.

    Raises
    ------
    UnsupportedError
        By `run`: for models that it does not fit (the message says why); and where the draws cannot be
        trusted, as `PopulationMonteCarlo`.

    References
    ----------
    Rue, Martino and Chopin, Approximate Bayesian inference for latent Gaussian models by using integrated
    nested Laplace approximations (JRSS B 2009); Tran, Scharth, Pitt and Kohn, Importance sampling squared for
    Bayesian inference in latent variable models (2013): the correction.
    """

    hyperparameters: PopulationMonteCarlo = PopulationMonteCarlo()
    draws: int | None = None
    proposals: int | None = None

    def __post_init__(self) -> None:
        require_draws(self.draws)
        if not isinstance(self.hyperparameters, PopulationMonteCarlo):
            expected = "PopulationMonteCarlo()"
            raise InputError(
                message("hyperparameters", expected, repr(self.hyperparameters), "Leave it out.")
            )
        if self.proposals is not None and self.proposals < 2:
            raise InputError(message("proposals", "at least 2, or None", self.proposals, "Leave it out."))

    def run(self, model: MultiTaskModel, data: TaskData, *, seed: int = 0) -> Posterior:
        began = time.perf_counter()
        with seeded(seed), local_parameters(), singular_explained():
            program = model.program(data)
            laplace = LaplaceProgram(program, data)
            number = number_of_draws(self.draws, laplace.dims.tasks * laplace.dims.features)
            values, stopped = self._sample(laplace, start_values(program, data), number)
            record = FitRecord(
                method="NestedLaplace(PopulationMonteCarlo)",
                settings=self.described(),
                seed=seed,
                device="cpu",
                seconds=time.perf_counter() - began,
                stopped=stopped,
                observations=len(data),
            )
            posterior = build_posterior(program, values, record)
        return posterior.with_record(seconds=time.perf_counter() - began)

    def _sample(
        self, laplace: LaplaceProgram, values: Mapping[str, Tensor], number: int
    ) -> tuple[dict[str, Tensor], str]:
        """Draws of all sites, and how close they are."""
        few = max(number, FEWEST)  # to judge them by
        proposals = self.proposals or max(_PROPOSALS, laplace.dims.tasks // 2)
        for enough in (few, _MORE * few):
            found = LatentDraws({_NONE: torch.zeros(enough, 1)}, stopped="no hyperparameters")
            if latent_sites(laplace, (), values):
                found = replace(self.hyperparameters, draws=enough).sample(laplace, (), values)
            log, weights = _corrected(laplace, found.values, proposals)
            smoothed, k = psis(log.numpy(), NEGLIGIBLE)
            chances = np.exp(smoothed - np.logaddexp.reduce(smoothed))
            worth = effective_number(chances)
            if k <= largest_k(enough) and worth >= _WORTH * few:
                break
        else:
            raise UnsupportedError(
                f"NestedLaplace found no proposals that cover the tasks' weights: with {proposals} for each, "
                f"k-hat is {float(k):.2f}, and {enough:,} draws are worth {worth:,.0f}. Raise proposals, or "
                "use SVI or NUTS."
            )
        index = systematic(chances, number)[torch.randperm(number)]
        kept = {name: value[index] for name, value in found.values.items() if name != _NONE}
        close = f"corrected: k-hat {max(float(k), 0.0):.2f}, worth {worth:,.0f} of {enough:,}"
        return {**kept, "weights": weights[index].unsqueeze(-1)}, f"{found.stopped}; {close}"


def _corrected(
    laplace: LaplaceProgram, values: Mapping[str, Tensor], proposals: int
) -> tuple[Tensor, Tensor]:
    """Log of the exact evidence over Laplace's, ``[draws]``, and weights ``[draws, tasks, features]``."""
    number = len(next(iter(values.values())))
    logs, weights = [], []
    size = in_cache(laplace.numbers)
    with torch.no_grad():
        for start in range(0, number, size):
            part = {name: value[start : start + size] for name, value in values.items()}
            evidence = at_draws(partial(laplace.evidence, min(size, number - start)), part)
            exact, drawn = evidence.corrected(proposals)
            logs.append((exact - evidence.log()).sum(-1))
            weights.append(drawn)
    return torch.cat(logs), torch.cat(weights)
