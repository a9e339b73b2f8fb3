"""The program at posterior draws: predictors and likelihoods of given observations, in chunks."""

from collections.abc import Iterator, Mapping

import torch
from pyro.distributions import Distribution
from torch import Tensor

from bayes_mtl.data import Batch
from bayes_mtl.model import Program
from bayes_mtl.priors import at_draws

_LARGEST = 1 << 24
"""Numbers that a chunk may gather at once (weights of all draws for each observation)."""


def chunks(program: Program, draws: Mapping[str, Tensor], batch: Batch) -> Iterator[Batch]:
    """The batch in parts whose evaluation at all draws stays within a bounded memory."""
    weights = draws["weights"]
    width = weights.shape[0] * max(weights.shape[-1] * weights.shape[-2], 1)
    size = max(1, _LARGEST // width)
    for start in range(0, batch.observations, size):
        stop = min(start + size, batch.observations)
        yield batch.select(torch.arange(start, stop, device=batch.task.device))


def evaluate(program: Program, draws: Mapping[str, Tensor], batch: Batch) -> tuple[Tensor, dict[str, Tensor]]:
    """Linear predictor ``[draws, observations, outputs]`` and the likelihood's parameters."""

    def parts() -> tuple[Tensor, dict[str, Tensor]]:
        f = program.predictor(batch, draws["weights"], program.fixed())
        return f, program.likelihood_parameters(batch)

    with torch.no_grad():
        return at_draws(parts, draws)


def distribution(program: Program, draws: Mapping[str, Tensor], batch: Batch) -> Distribution:
    """Distribution of the targets at every draw, batch shape ``[draws, observations]``."""
    f, parameters = evaluate(program, draws, batch)
    return program.likelihood.distribution(f, batch, parameters)


def log_likelihood(program: Program, draws: Mapping[str, Tensor], batch: Batch) -> Tensor:
    """Log-likelihood of every observation at every draw, ``[draws, observations]``, in the user's units."""
    parts = [distribution(program, draws, part).log_prob(part.y) for part in chunks(program, draws, batch)]
    return torch.cat(parts, -1)


def total_log_likelihood(program: Program, draws: Mapping[str, Tensor], batch: Batch) -> Tensor:
    """Weighted sum of the log-likelihood over observations, ``[draws]``, without keeping the terms."""
    total = draws["weights"].new_zeros(draws["weights"].shape[0])
    for part in chunks(program, draws, batch):
        total = total + (distribution(program, draws, part).log_prob(part.y) * part.scale).sum(-1)
    return total
