"""Whether draws of a likelihood follow its density, and have its mean."""

from collections.abc import Mapping

import numpy as np
import torch
from pyro.distributions import Distribution
from torch import Tensor

from bayes_mtl._seed import seeded
from bayes_mtl.data import Batch
from bayes_mtl.likelihoods import AbstractLikelihood
from bayes_mtl.testing._require import require, runs

_DRAWS = 4_000
_ERRORS = 6.0
"""Monte-Carlo standard errors; some hundred numbers are compared at once."""
_GRID = 2_001


def check_draws(
    subject: str, likelihood: AbstractLikelihood, f: Tensor, batch: Batch, parameters: Mapping[str, Tensor]
) -> None:
    """Draws are possible, follow the density, and have the stated mean and class probabilities."""
    distribution = likelihood.distribution(f, batch, parameters)
    with seeded(0), torch.no_grad(), runs(f"{subject}: sampling", "Give the distribution a sample method."):
        draws = distribution.sample((_DRAWS,)).double()
        possible = distribution.log_prob(draws[:100].to(f.dtype))
    require(
        bool(torch.isfinite(possible).all()),
        f"{subject}: the log-density of the likelihood's own draws",
        "finite numbers",
        "infinite or undefined ones",
        "Draw inside the support, and compute the density in logarithms.",
    )
    probabilities = likelihood.probabilities(f, batch, parameters)
    if probabilities is not None:
        _check_probabilities(subject, distribution, probabilities)
    if batch.censored is None or not bool(batch.censored.any()):
        _check_density(subject, likelihood.discrete, distribution, draws)
    _check_mean(subject, likelihood.mean(f, batch, parameters).detach().double(), draws)


def _check_probabilities(subject: str, distribution: Distribution, probabilities: Tensor) -> None:
    without = probabilities.isnan().all(-1)  # observations without classes, of `Mixed`
    total = probabilities.sum(-1).masked_fill(without, 1.0)
    distance = (total - 1.0).abs()
    require(
        bool((distance < 1e-5).all()),
        f"{subject}: class probabilities",
        "a sum of 1",
        float(total.flatten()[distance.argmax()]),
        "Normalise over the last axis.",
    )
    for c in range(probabilities.shape[-1]):
        own, used = probabilities[..., c], ~without & (probabilities[..., c] > 0)
        density = distribution.log_prob(torch.where(used, float(c), 0.0)).exp()
        difference = (density - own).masked_fill(~used, 0.0).abs().max()
        require(
            float(difference) < 1e-5,
            f"{subject}: probability of class {c}",
            "exp(log_prob) of that class",
            f"a difference of {float(difference):.3g}",
            "Derive both from the same logits.",
        )


def _check_density(subject: str, discrete: bool, distribution: Distribution, draws: Tensor) -> None:
    """The share of draws between two of their quantiles is the integral of the density there."""
    whole = (draws == draws.round()).all(0)
    require(
        bool(whole.all()) or not discrete,
        f"{subject}: draws",
        "whole numbers, since it says discrete",
        "others",
        "Set discrete where targets are classes or counts, and only there.",
    )
    low, high = (torch.as_tensor(np.quantile(draws.numpy(), q, axis=0)) for q in (0.2, 0.7))
    low, high = torch.where(whole, low.floor(), low), torch.where(whole, high.ceil(), high)
    share = ((draws >= low) & (draws <= high)).double().mean(0)
    if bool((whole & (high - low >= _GRID)).any()):
        return  # too many values to sum
    step = torch.arange(_GRID, dtype=torch.float64).reshape(-1, *[1] * low.dim())
    points = torch.where(whole, torch.minimum(low + step, high), low + (high - low) * step / (_GRID - 1))
    density = _density(distribution, points)
    new = torch.cat([torch.ones_like(points[:1], dtype=torch.bool), points[1:] > points[:-1]])
    mass = torch.where(whole, (density * new).sum(0), torch.trapezoid(density, points, dim=0))
    error = (share * (1 - share) / _DRAWS).sqrt() + 1e-3
    worst = int(((mass - share).abs() / error).argmax())
    require(
        bool(((mass - share).abs() <= _ERRORS * error).all()),
        f"{subject}: probability of an interval by the density",
        f"the share of draws in it, {float(share.flatten()[worst]):.4f}",
        f"{float(mass.flatten()[worst]):.4f}",
        "Normalise the density, in the user's units: with a change of variables it needs the Jacobian.",
    )


def _density(distribution: Distribution, points: Tensor) -> Tensor:
    parts = [distribution.log_prob(part.to(torch.get_default_dtype())) for part in points.split(200)]
    return torch.cat(parts).double().exp()


def _check_mean(subject: str, mean: Tensor, draws: Tensor) -> None:
    mean = mean.expand(draws.shape[1:])
    # The error of heavy tails cannot be told from draws: a few of them carry it.
    spread = draws.std(0)
    light = torch.isfinite(mean) & ((draws - draws.mean(0)).abs().amax(0) < 15 * spread)
    error = spread / _DRAWS**0.5 + 1e-4 * (1 + mean.abs())
    wrong = light & ((draws.mean(0) - mean).abs() > _ERRORS * error)
    at = int(wrong.flatten().double().argmax())
    require(
        not bool(wrong.any()),
        f"{subject}: mean",
        f"that of draws, {float(draws.mean(0).flatten()[at]):.4g} within {_ERRORS:g} standard errors",
        f"{float(mean.flatten()[at]):.4g}",
        "Return the expectation of the target in the user's units, after the inverse link.",
    )
