"""Exact draws of a few parameters without chains: adaptive importance sampling."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch
from torch import Tensor
from tqdm.auto import tqdm

from bayes_mtl._errors import InputError, UnsupportedError, message
from bayes_mtl.data import TaskData
from bayes_mtl.inference._abstract_inference import AbstractInference
from bayes_mtl.inference._adaptive_importance import WeightedPoints, adaptive_importance
from bayes_mtl.inference._hyper import LatentDraws
from bayes_mtl.inference._importance_resample import systematic
from bayes_mtl.inference._many_densities import log_densities
from bayes_mtl.inference._mode import curvature, find_mode
from bayes_mtl.inference._mode_by_differences import LARGEST as FEW
from bayes_mtl.inference._mode_by_differences import mode_by_differences
from bayes_mtl.inference._number_of_draws import USUAL, require_draws
from bayes_mtl.inference._potential import Potential
from bayes_mtl.inference._singular import SINGULAR
from bayes_mtl.inference._student_mixture import StudentMixture
from bayes_mtl.inference._whole_model import sample_whole
from bayes_mtl.model import MultiTaskModel
from bayes_mtl.posterior import Posterior

LARGEST = 50
"""Parameters above which weights degenerate; with 20 most posteriors that were tried come out."""
ENOUGH, FEWEST = 2, 400
"""Effective points for each draw with which it ends, and the fewest in all that are handed on."""
_GROWING, _LARGEST = 3, 4
"""Rounds after which there are twice as many points in each, up to so many times the first."""
_FREEDOM, _WIDER, _FLAT = 3.0, 1.5, 0.1
"""Of the first proposal: degrees of freedom, scale beside the curvature's, and the least curvature."""
_ITERATIONS, _GAIN = 1_000, 1e-5


@dataclass(frozen=True)
class PopulationMonteCarlo(AbstractInference):
    """Adaptive importance sampling: exact draws of up to 50 parameters, without chains or a warm-up.

    Rounds of points are drawn from a mixture of Student-t distributions, first around the mode, then around
    what the points before have found; all are weighted by the posterior's density over the mixture of all
    proposals, and draws are chosen by these weights. Points are independent and evaluated together, which
    makes it the fastest exact way where there are few hyperparameters:
    ``Collapsed(hyperparameters=PopulationMonteCarlo())``. It judges itself: where the weights cannot be
    trusted it raises and hands nothing on.

    Parameters
    ----------
    draws
        Draws to keep. Default 1,000; in `Collapsed`, its own.
    size
        Points of each of the first three rounds; of the next three twice, then four times as many.
    rounds
        Most rounds; it ends with twice as many effective points as draws.
    components
        Of the mixture at first; those that nothing needs vanish.
    progress
        Whether to show a progress bar where it takes more than a few seconds.

    Raises
    ------
    UnsupportedError
        By `run`: for more than 50 parameters, and where after all rounds the Pareto shape of the weights is
        above 0.7 or they are worth fewer than 400 points (the number of draws, if that is less). `NUTS` is
        the alternative.

    Notes
    -----
    Draws are exact up to Monte-Carlo error where the points have found all of the posterior. A second mode
    far from the first may be missed, by this as by chains that start near the first.

    References
    ----------
    Cappé, Guillin, Marin and Robert, Population Monte Carlo (JCGS 2004); Cornuet, Marin, Mira and Robert,
    Adaptive multiple importance sampling (Scandinavian Journal of Statistics 2012).
    """

    draws: int | None = None
    size: int = 2_000
    rounds: int = 10
    components: int = 4
    progress: bool = True

    def __post_init__(self) -> None:
        require_draws(self.draws)
        for name, least in (("size", 100), ("rounds", 1), ("components", 1)):
            if getattr(self, name) < least:
                raise InputError(message(name, f"at least {least}", getattr(self, name), "Raise it."))

    def run(self, model: MultiTaskModel, data: TaskData, *, seed: int = 0) -> Posterior:
        return sample_whole("PopulationMonteCarlo", self.described(), self.sample, model, data, seed)

    def sample(
        self, program: Callable[..., Any], arguments: tuple[Any, ...], values: Mapping[str, Tensor]
    ) -> LatentDraws:
        """Draws of any program without discrete sites; the seed comes from torch's random state.

        Raises
        ------
        UnsupportedError
            For too many parameters, and where the weights cannot be trusted.
        """
        potential = Potential(program, arguments, values)
        if len(potential) > LARGEST:
            raise UnsupportedError(
                f"PopulationMonteCarlo is for up to {LARGEST} parameters, and this model has "
                f"{len(potential)}. Use NUTS; or Collapsed, where the weights can be integrated out."
            )
        proposal, number = self._first(potential), self.draws or USUAL
        sizes = tuple(self.size * min(_LARGEST, 2 ** (i // _GROWING)) for i in range(self.rounds))

        def done(points: WeightedPoints) -> bool:
            bar.update()
            return points.trustworthy and points.effective >= ENOUGH * number

        bar = tqdm(total=self.rounds, disable=not self.progress, desc="Rounds", leave=False, delay=3.0)
        with bar, torch.no_grad():
            found = adaptive_importance(partial(log_densities, potential), proposal, sizes, done)
            found = _trustworthy(found, len(potential), number)
            index = systematic(found.weights, number)[torch.randperm(number)]
            draws, _ = potential.unpack(found.points[index])
        stopped = (
            f"k-hat {max(found.k, 0.0):.2f}, {found.effective:,.0f} effective of {len(found.points):,} points"
        )
        return LatentDraws(dict(draws), stopped=stopped)

    def _first(self, potential: Potential) -> StudentMixture:
        """Around the mode, components at places drawn from the Gaussian there."""
        mode, values, vectors = _mode(potential)
        root = vectors / values.clamp(min=_FLAT).sqrt()
        # The factor of root root', which a square would round away where values are very different.
        right = torch.linalg.qr(root.mT).R
        factor = math.sqrt(_WIDER) * (right * right.diagonal().sign().unsqueeze(-1)).mT
        places = mode + torch.randn(self.components, len(mode), dtype=mode.dtype) @ root.mT
        places[0] = mode
        shares = torch.full((self.components,), 1.0 / self.components, dtype=mode.dtype)
        return StudentMixture(shares, places, factor.expand(self.components, -1, -1), _FREEDOM)


def _mode(potential: Potential) -> tuple[Tensor, Tensor, Tensor]:
    """Mode, and eigenvalues and eigenvectors of the negative Hessian there."""
    if len(potential) <= FEW:
        found = mode_by_differences(partial(log_densities, potential), potential.start)
        if found is not None:
            return found[0], *torch.linalg.eigh(found[1])
    mode = find_mode(potential, _ITERATIONS, _GAIN).point
    try:
        return mode, *curvature(potential, mode)
    except SINGULAR as error:
        raise UnsupportedError(
            "PopulationMonteCarlo found no mode to begin at: the density's curvature is not a number "
            "where the optimiser ended. Look at the targets and the priors of scales, or use NUTS."
        ) from error


def _trustworthy(found: WeightedPoints | None, parameters: int, draws: int) -> WeightedPoints:
    """Refuse weights of which a few stand for all."""
    if found is None:
        what = "no point has a density that is a number"
    elif not found.trustworthy:
        what = f"the Pareto shape of the weights is {found.k:.2f}"
    elif found.effective < min(FEWEST, draws):
        what = f"{len(found.points):,} points are worth {found.effective:,.0f}"
    else:
        return found
    raise UnsupportedError(
        f"PopulationMonteCarlo found no proposal that covers the posterior of {parameters} parameters: "
        f"{what}. Use NUTS, or raise size and rounds."
    )
