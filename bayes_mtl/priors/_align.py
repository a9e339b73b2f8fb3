"""Labels of clusters made comparable between draws (label switching)."""

from collections.abc import Mapping

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

_CANDIDATES = 200
"""Draws among which the first reference is sought; the search is quadratic in the number of tasks."""
_ROUNDS = 20


def align_clusters(
    draws: Mapping[str, Tensor],
    responsibilities: Float[Tensor, "draws tasks clusters"],
    dim_names: Mapping[str, tuple[str, ...]],
) -> dict[str, Tensor]:
    """Relabel the clusters of every draw, the largest cluster first.

    Parameters
    ----------
    draws
        ``[draws, tasks or 1, *event]`` for each site.
    responsibilities
        ``[draws, tasks, clusters]``: probability of each task's cluster, in the labels of its draw.
    dim_names
        Names of the axes of sites; those called ``"cluster"`` are permuted.

    Returns
    -------
    dict
        The same draws; the density of a model whose clusters are exchangeable does not change.
    """
    order = matching(responsibilities)
    aligned = dict(draws)
    for name, names in dim_names.items():
        if name not in draws:
            continue
        for axis in (i - len(names) for i, dim in enumerate(names) if dim == "cluster"):
            shape = [1] * aligned[name].dim()
            shape[0], shape[axis] = order.shape
            aligned[name] = aligned[name].take_along_dim(order.reshape(shape), axis)
    return aligned


def matching(responsibilities: Float[Tensor, "draws tasks clusters"]) -> Int[Tensor, "draws clusters"]:
    """``[draws, clusters]``: which of a draw's clusters takes each place.

    The reference is first one draw: that whose co-assignment of tasks is nearest to the posterior mean
    of the co-assignment, which has no labels (Dahl 2006, least-squares clustering). A draw in the middle
    of the posterior agrees with the others on as many tasks as one draw can; any fixed draw may be an
    odd one. Every draw takes the labels under which its tasks agree best with the reference, which
    then becomes the mean of the relabelled draws, until no label changes (Stephens 2000).

    References
    ----------
    Dahl, Model-based clustering for expression data (2006); Stephens, Dealing with label switching in
    mixture models (JRSS B 2000); Papastamoulis and Iliopoulos (2010).
    """
    from scipy.optimize import linear_sum_assignment

    values = responsibilities.double().cpu()
    reference = values[_central(values)]
    order = torch.arange(values.shape[-1]).expand(values.shape[0], -1)
    for _ in range(_ROUNDS):
        reference = reference[:, reference.sum(0).argsort(descending=True, stable=True)]
        agreement = torch.einsum("tk,stj->skj", reference, values).numpy()
        found = torch.as_tensor(np.stack([linear_sum_assignment(a, maximize=True)[1] for a in agreement]))
        if torch.equal(found, order):
            break
        order = found
        reference = values.take_along_dim(order.unsqueeze(1), -1).mean(0)
    return order.to(responsibilities.device)


def _central(values: Float[Tensor, "draws tasks clusters"]) -> int:
    """The draw whose co-assignment matrix is nearest to the mean of all."""
    chosen = torch.linspace(0, len(values) - 1, min(len(values), _CANDIDATES)).long().unique()
    some = values[chosen]
    mean = torch.einsum("stk,suk->tu", some, some) / len(some)
    # |R R' - M|^2 = |R'R|^2 - 2 tr(R'MR) + constant
    own = (some.mT @ some).square().sum((-2, -1))
    cross = torch.einsum("stk,tu,suk->s", some, mean, some)
    return int(chosen[(own - 2 * cross).argmin()])
