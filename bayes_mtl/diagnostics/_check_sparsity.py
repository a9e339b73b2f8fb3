"""What a prior has switched off: groups of features, shared directions, clusters of tasks."""

from collections.abc import Iterator

import numpy as np
import torch

from bayes_mtl._errors import BayesMTLError
from bayes_mtl.diagnostics._finding import Finding
from bayes_mtl.diagnostics._inclusion import inclusion
from bayes_mtl.diagnostics._outcome import Outcome
from bayes_mtl.posterior import Posterior
from bayes_mtl.posterior._kinds import Kind, kinds
from bayes_mtl.priors import AbstractGaussianTaskPrior, GroupSparse, Horseshoe, TaskClustering, at_draws

NEGLIGIBLE = 0.05
"""Standard deviations of the target, as in `inclusion`."""
_EMPTY = 0.5
"""Tasks that a cluster is expected to hold, below which it more probably holds none."""
_LEVEL, _NAMED, _DRAWS = 0.95, 8, 250


def check_sparsity(posterior: Posterior) -> Outcome | None:
    """Groups, directions and clusters that nothing uses; None for priors that have none of these."""
    prior, looked, findings = posterior.program.prior, [], []
    if not posterior.draws["weights"].sum().isfinite():
        return None
    if isinstance(prior, (GroupSparse, Horseshoe)) and len(posterior.program.kinds) == 1:
        calls = inclusion(posterior, _LEVEL, NEGLIGIBLE)["call"]
        dead = [str(name) for name, call in calls.items() if call == "dead"]
        looked.append(f"groups of features: {len(dead)} of {len(calls)} shrunk to nothing")
        if dead:
            findings.append(_groups(dead, len(calls)))
    for kind in kinds(posterior.program, posterior.draws, posterior.program.task_features):
        for what, sizes in _parts(posterior, kind):
            unused = int(sum(sizes < (_EMPTY if what == "clusters" else NEGLIGIBLE)))
            where = f" of {kind.name}" if kind.name else ""
            looked.append(f"{what}{where}: {unused} of {len(sizes)} unused")
            found = _unused(what, where, unused, len(sizes), sizes, prior)
            findings += [] if found is None else [found]
    return Outcome("; ".join(looked), tuple(findings)) if looked else None


def _parts(posterior: Posterior, kind: Kind) -> Iterator[tuple[str, np.ndarray]]:
    """Sizes of the directions or of the clusters of one kind of tasks, the largest first."""
    prior = posterior.program.prior
    if isinstance(prior, TaskClustering) and "assignment" in kind.draws:
        yield "clusters", np.sort(kind.draws["assignment"].double().mean(0).sum(0).numpy())[::-1]
        return
    if not isinstance(prior, AbstractGaussianTaskPrior) or "strength" not in kind.draws:
        return
    step = max(1, posterior.number // _DRAWS)
    some = {name: value[::step] for name, value in kind.draws.items()}
    try:
        with torch.no_grad():
            factor = at_draws(lambda: prior.moments(kind.dims), some).factor
    except BayesMTLError:
        return
    if factor is not None:
        rms = factor.double().square().reshape(len(factor), -1, factor.shape[-1]).mean(1).sqrt()
        # labels of directions may be exchanged from draw to draw: the k-th largest means the same in all
        ordered = rms.sort(-1, descending=True).values.numpy()
        yield "directions", np.quantile(ordered, (1 + _LEVEL) / 2, axis=0)


def _groups(dead: list[str], total: int) -> Finding:
    return Finding(
        "note",
        f"{len(dead):,} of {total:,} groups of features are shrunk to nothing",
        f"The root mean square of their weights over all tasks is below {NEGLIGIBLE} (standard deviations of "
        f"the target) with 97.5 % probability: {', '.join(dead[:_NAMED])}{', ...' * (len(dead) > _NAMED)}.",
        "Nothing: that is what the prior is for. inclusion(posterior) lists all; leaving these features out "
        "makes the next fit cheaper."
        if len(dead) < total
        else "No feature matters: compare with a fit of the intercept alone, and look at the units.",
        tuple(dead),
    )


def _unused(
    what: str, where: str, unused: int, total: int, sizes: np.ndarray, prior: object
) -> Finding | None:
    left = total - unused
    if what == "clusters" and left == 1:
        return Finding(
            "note",
            f"All tasks{where} are in one cluster",
            f"Of {total} clusters the others hold fewer than one task each "
            f"({', '.join(f'{size:.1f}' for size in sizes[1:])} expected).",
            "Hierarchical() says the same with fewer unknowns.",
        )
    if not unused:
        return None
    if what == "clusters":
        meant = isinstance(prior, TaskClustering) and prior.weights_prior in ("sparse", "stick-breaking")
        return Finding(
            "note",
            f"{unused} of {total} clusters{where} hold no task",
            f"Their expected numbers of tasks: {', '.join(f'{size:.1f}' for size in sizes[left:])}. Means "
            "and scales of an empty cluster are those of the prior.",
            "Nothing: with these weights the number is an upper bound."
            if meant
            else f"TaskClustering({max(left, 2)}), or weights_prior='sparse', which finds the number.",
        )
    return Finding(
        "note",
        f"{unused} of {total} shared directions{where} are shrunk to nothing",
        f"A typical weight varies along them by less than {NEGLIGIBLE} (standard deviations of the target), "
        "with 97.5 % probability.",
        f"Nothing, or rank={left}, which is cheaper.",
    )
