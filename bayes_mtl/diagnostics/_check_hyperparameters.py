"""Whether an approximation's intervals of the hyperparameters hold what they should."""

from dataclasses import replace

import numpy as np
from torch import Tensor

from bayes_mtl.data import TaskData
from bayes_mtl.diagnostics._exact_hyperparameters import exact_hyperparameters
from bayes_mtl.diagnostics._finding import Finding
from bayes_mtl.diagnostics._latents import adapted
from bayes_mtl.diagnostics._outcome import Outcome
from bayes_mtl.diagnostics._psis import USABLE
from bayes_mtl.diagnostics._remedies import better_inferences
from bayes_mtl.diagnostics._suspects import mirrored
from bayes_mtl.diagnostics._test_quantities import ARBITRARY
from bayes_mtl.posterior import Posterior
from bayes_mtl.posterior._axes import coords, named_draws

LEVEL = 0.9
"""What a central interval claims."""
WRONG, DOUBTFUL = ((0.75, 0.98), (0.2, 0.8)), ((0.82, 0.96), (0.3, 0.7))
"""Shares of the exact posterior in it outside which a warning or a note is due, and the same of what lies
below its median. A normal one holds 75 % with 0.7 of the right standard deviation, 98 % with 1.4 of it. With
the fewest effective draws the standard errors are 0.02 and 0.035."""
_FEWEST, _NAMED = 200, 4
_CONSTANT = 1e-6
"""Range of what does not vary: the diagonal of a correlation matrix."""


def check_hyperparameters(posterior: Posterior, data: TaskData) -> Outcome | None:
    """Intervals of the hyperparameters against their posterior with the weights integrated out.

    Importance weights of an approximation's own draws do not see what lies where it never draws: a scale near
    zero, say, with few tasks. None for chains and points, and where the comparison cannot be made.
    """
    if posterior.record.log_weights is None or posterior.number < 2 or adapted(posterior):
        return None
    exact = exact_hyperparameters(posterior, data)
    if exact is None:
        return None
    if exact.found.k > USABLE or exact.found.effective < _FEWEST:
        return Outcome("hyperparameters with the weights integrated out: not judged, too few draws agree")
    labels, own = _entries(posterior, {name: posterior.draws[name] for name in exact.values})
    _, other = _entries(posterior, exact.values)
    used = np.flatnonzero([label is not None for label in labels] & (np.ptp(own, axis=0) > _CONSTANT))
    if not len(used):
        return None
    names, own, other = [str(labels[i]) for i in used], own[:, used], other[:, used]
    low, middle, high = np.quantile(own, [(1 - LEVEL) / 2, 0.5, (1 + LEVEL) / 2], axis=0)
    held = exact.found.weights @ ((other >= low) & (other <= high))
    below = exact.found.weights @ (other < middle)
    looked = (
        f"hyperparameters with the weights integrated out: {LEVEL:.0%} intervals hold {held.min():.0%} to "
        f"{held.max():.0%} (from {exact.found.effective:,.0f} effective draws)"
    )
    off, wrong = (
        (held < least) | (held > most) | (below < left) | (below > right)
        for (least, most), (left, right) in (DOUBTFUL, WRONG)
    )
    if not off.any():
        return Outcome(looked)
    order = np.flatnonzero(off)
    order = order[np.argsort(-np.abs(held - LEVEL)[order], kind="stable")]
    listed = ", ".join(f"{names[i]} {held[i]:.0%} ({below[i]:.0%} below its median)" for i in order[:_NAMED])
    more = f" and {len(order) - 1:,} more" if len(order) > 1 else ""
    finding = Finding(
        "warning" if wrong.any() else "note",
        f"Intervals of hyperparameters are {'wrong' if wrong.any() else 'rough'}: {names[order[0]]}{more}",
        f"With the weights integrated out, what {LEVEL:.0%} intervals hold is: {listed}"
        f"{', ...' * (len(order) > _NAMED)}. How much tasks differ, and what is said of new tasks, rests on "
        "these; predictions for tasks with many observations hardly do.",
        better_inferences(posterior),
        tuple(names[i] for i in order),
    )
    return Outcome(looked, (finding,))


def _entries(posterior: Posterior, draws: dict[str, Tensor]) -> tuple[list[str | None], np.ndarray]:
    """Names, and values ``[draws, entries]``; no name where draws mean different things, or repeat others."""
    named = named_draws(replace(posterior, draws=draws))
    labels = coords(posterior, named)
    names: list[str | None] = []
    columns = []
    for site, values in named.items():
        shape = values.values.shape[1:]
        flat = values.values.reshape(len(values.values), -1)
        hidden = mirrored(values.values[None]) | bool(ARBITRARY.intersection(values.dims))
        for i in range(flat.shape[1]):
            place = np.unravel_index(i, shape)
            entry = ", ".join(str(labels[dim][j]) for dim, j in zip(values.dims, place, strict=True))
            names.append(None if hidden[i] else f"{site}[{entry}]" if entry else site)
        columns.append(flat)
    return names, np.concatenate(columns, 1).astype(np.float64)
