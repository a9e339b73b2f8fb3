"""Weighted sums over experts of which each observation chooses some."""

from collections.abc import Iterable

from torch import Tensor, nn

from bayes_mtl.networks._captured import captured
from bayes_mtl.networks._places import at_observations


def chosen_sum(
    experts: Iterable[nn.Module],
    width: int,
    x: Tensor,
    row: Tensor | None,
    step: Tensor | None,
    chosen: Tensor,
    weights: Tensor,
) -> Tensor:
    """``sum_e chosen[:, e] weights[:, e] f_e(x)``, ``[observations, width]``.

    Each expert sees only the rows of observations that chose it, and each of them once. In a captured step,
    where shapes cannot depend on choices, it sees all.

    Parameters
    ----------
    experts
        Called with rows.
    width
        Of their outputs.
    x, row, step
        As for every network.
    chosen
        ``[observations, experts]`` bool.
    weights
        ``[observations, experts]``.
    """
    total = x.new_zeros(len(chosen), width)
    for e, expert in enumerate(experts):
        if captured():
            share = (chosen[:, e] * weights[:, e]).unsqueeze(-1)
            total = total + share * at_observations(expert(x), row, step)
            continue
        where = chosen[:, e].nonzero()[:, 0]
        if not len(where):
            continue
        rows, place = (where if row is None else row.index_select(0, where)).unique(return_inverse=True)
        at = None if step is None else step.index_select(0, where)
        outputs = at_observations(expert(x.index_select(0, rows)), place, at)
        share = weights[:, e].index_select(0, where).unsqueeze(-1)
        total = total.index_add(0, where, (share * outputs).to(total.dtype))
    return total
