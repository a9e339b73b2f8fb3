"""Whether the weights that a Gaussian prior samples have the moments that it states."""

import pyro
import torch
from pyro import poutine
from torch import Tensor

from bayes_mtl._seed import seeded
from bayes_mtl._shapes import Dims
from bayes_mtl.priors import AbstractGaussianTaskPrior, Moments
from bayes_mtl.testing._require import require
from bayes_mtl.testing._site_draws import draw_sites

_DRAWS = 20_000
_ERRORS = 6.0
"""Monte-Carlo standard errors: some hundred entries are compared, so that 4 would be reached by chance."""


def check_moments(subject: str, prior: AbstractGaussianTaskPrior, dims: Dims) -> None:
    """Compare mean and covariance of sampled weights, given hyperparameters, with the stated ones."""
    hyper = draw_sites(prior.moments, dims, draws=1)
    with torch.no_grad(), poutine.block():
        stated = poutine.condition(prior.moments, data=hyper.one(0))(dims)
        with seeded(1), pyro.plate("draws", _DRAWS, dim=-2):
            weights = poutine.condition(prior.weights, data=hyper.values)(dims)
    mean, covariance = implied(stated, dims)
    sample = weights.double().expand(_DRAWS, dims.tasks, *dims.weights).flatten(1)
    centred = sample - mean
    squares = centred.square()
    _compare(f"{subject}: mean of the sampled weights", centred.mean(0), squares.mean(0), 0 * mean)
    # Of each product of two weights: sums over draws are products of matrices, which hold no draw of a pair.
    products, of_squares = (value.mT @ value / _DRAWS for value in (centred, squares))
    _compare(f"{subject}: covariance of the sampled weights", products, of_squares, covariance)


def _compare(rule: str, found: Tensor, square: Tensor, expected: Tensor) -> None:
    """Compare averages over draws, given those of the squares of what was averaged."""
    found, square, expected = found.flatten(), square.flatten(), expected.flatten()
    error = (square - found.square()).clamp_min(0).sqrt() / _DRAWS**0.5
    distance = (found - expected).abs()
    worst = int((distance - _ERRORS * error).argmax())
    require(
        # the weights are float32
        bool((distance <= _ERRORS * error + 1e-5 * (1 + expected.abs())).all()),
        f"{rule} given the hyperparameters",
        f"that of moments() within {_ERRORS:g} Monte-Carlo standard errors of {_DRAWS:,} draws",
        f"an entry that differs by {float(distance[worst]):.3g}, standard error {float(error[worst]):.3g}",
        "Make moments() describe what weights() samples, or leave weights() to the base class.",
    )


def implied(moments: Moments, dims: Dims) -> tuple[Tensor, Tensor]:
    """Mean and covariance of all weights, ``[tasks * features * outputs]`` and its square, float64.

    Written from the definition in `Moments`, apart from the code that samples.
    """
    size = (dims.tasks, *dims.weights)
    if moments.logits is None:
        mean = moments.mean.double().expand(size)
        return mean.flatten(), _gaussian(moments, dims)
    components = moments.mean.shape[-3]
    share = moments.logits.double().exp().expand(dims.tasks, components)
    means = moments.mean.double().expand(dims.tasks, components, *dims.weights)
    mean = torch.einsum("tk,tkdc->tdc", share, means)
    covariance = torch.zeros(mean.numel(), mean.numel(), dtype=torch.float64)
    for k in range(components):
        part = Moments(
            moments.mean[..., k, :, :],
            None if moments.scale is None else moments.scale[..., k, :, :],
            None if moments.correlation is None else moments.correlation[..., k, :, :],
        )
        own = share[:, k].repeat_interleave(dims.features * dims.outputs)
        shift = (means[:, k] - mean).flatten(1)
        covariance += own * _gaussian(part, dims) + own * torch.block_diag(
            *(shift[:, :, None] * shift[:, None])
        )
    return mean.flatten(), covariance


def _gaussian(moments: Moments, dims: Dims) -> Tensor:
    shape = (dims.tasks, dims.features, dims.outputs)
    covariance = torch.zeros(*shape, *shape, dtype=torch.float64)
    if moments.scale is None:
        return covariance.reshape(dims.tasks * dims.features * dims.outputs, -1)
    eye = torch.eye(dims.tasks, dtype=torch.float64)
    tasks = eye if moments.tasks is None else moments.tasks.double() @ moments.tasks.double().mT
    correlation = torch.eye(dims.features, dtype=torch.float64)
    if moments.correlation is not None:
        correlation = moments.correlation.double() @ moments.correlation.double().mT
    scale = moments.scale.double().expand(shape)
    outputs = torch.eye(dims.outputs, dtype=torch.float64)
    covariance = torch.einsum("ts,de,cb,tdc,seb->tdcseb", tasks, correlation, outputs, scale, scale)
    if moments.factor is not None:
        low = moments.factor.double()
        covariance = covariance + torch.einsum("ts,dcr,ebr->tdcseb", eye, low, low)
    return covariance.reshape(dims.tasks * dims.features * dims.outputs, -1)
