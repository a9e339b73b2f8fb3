"""The program at posterior draws: predictors and likelihoods of given observations, in chunks."""

from collections.abc import Iterator, Mapping, Sequence

import torch
from pyro.distributions import Distribution
from torch import Tensor

from bayes_mtl.data import Batch
from bayes_mtl.model import Program
from bayes_mtl.priors import at_draws

_LARGEST = 1 << 24
"""Numbers that a chunk may gather at once (weights of all draws for each observation)."""


def chunks(program: Program, draws: Mapping[str, Tensor], batch: Batch) -> Iterator[tuple[Tensor, Batch]]:
    """The batch in parts whose evaluation at all draws stays within a bounded memory.

    Returns
    -------
    Iterator
        Positions of a part's observations, and the part. Observations of one row come together, so that a
        network reads each row once.
    """
    weights = draws["weights"]
    row = batch.x[0].numel() if batch.x.dim() == 3 else 0  # what a network makes of every step is kept
    width = weights.shape[0] * max(weights.shape[-1] * weights.shape[-2], 1) + row
    size = max(1, _LARGEST // width)
    order = torch.arange(batch.observations, device=batch.task.device)
    if batch.row is not None:
        order = batch.row.argsort(stable=True)
    for index in order.split(size):
        yield index, batch.part(index)


def in_order(parts: Sequence[Tensor], places: Sequence[Tensor]) -> Tensor:
    """Values ``[..., observations]`` of `chunks` put where their observations are."""
    return torch.cat(list(parts), -1)[..., torch.cat(list(places)).argsort()]


def evaluate(program: Program, draws: Mapping[str, Tensor], batch: Batch) -> tuple[Tensor, dict[str, Tensor]]:
    """Linear predictor ``[draws, observations, outputs]`` and the likelihood's parameters."""

    def parts() -> tuple[Tensor, dict[str, Tensor]]:
        f = program.predictor(batch, draws["weights"], program.fixed(), in_turn=True)
        return f, program.likelihood_parameters(batch)

    with torch.no_grad():
        return at_draws(parts, draws)


def distribution(program: Program, draws: Mapping[str, Tensor], batch: Batch) -> Distribution:
    """Distribution of the targets at every draw, batch shape ``[draws, observations]``."""
    f, parameters = evaluate(program, draws, batch)
    return program.likelihood.distribution(f, batch, parameters)


def log_likelihood(program: Program, draws: Mapping[str, Tensor], batch: Batch) -> Tensor:
    """Log-likelihood of every observation at every draw, ``[draws, observations]``, in the user's units."""
    parts, places = [], []
    for place, part in chunks(program, draws, batch):
        parts.append(distribution(program, draws, part).log_prob(part.y))
        places.append(place)
    return in_order(parts, places)


def total_log_likelihood(program: Program, draws: Mapping[str, Tensor], batch: Batch) -> Tensor:
    """Weighted sum of the log-likelihood over observations, ``[draws]``, without keeping the terms."""
    total = draws["weights"].new_zeros(draws["weights"].shape[0])
    for _, part in chunks(program, draws, batch):
        total = total + (distribution(program, draws, part).log_prob(part.y) * part.scale).sum(-1)
    return total
