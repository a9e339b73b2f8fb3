"""Whether the last steps of a training by SVI were small and quiet enough."""

import numpy as np

from bayes_mtl.diagnostics._elbo import slope
from bayes_mtl.diagnostics._finding import Finding
from bayes_mtl.diagnostics._latents import unknowns
from bayes_mtl.diagnostics._outcome import Outcome
from bayes_mtl.diagnostics._psis import SMALL
from bayes_mtl.posterior import Posterior

SIGNAL = 1.0
"""From which a step's gradient says more than its noise: at the end of a training it should be all noise."""
_LEAST = 1.0
"""Nats: a loss of one in log-probability is hardly worth mentioning."""


def check_gradient(posterior: Posterior) -> Outcome | None:
    """Signal-to-noise of the gradient, and what its noise costs; None where it was not measured."""
    record = posterior.record
    if not record.gradient:
        return None
    signal, cost = record.gradient["signal"], record.gradient["cost"]
    looked = (
        f"gradient at the end of the training: signal-to-noise {signal:.2f} a step (limit {SIGNAL:g}), "
        f"its noise keeps the loss {cost:.1f} nats above its best"
    )
    size = unknowns(posterior) or posterior.draws["weights"][0].numel()
    if cost > max(_LEAST, size * SMALL**2):
        return Outcome(looked, (_noisy(cost, size),))
    trend = slope(np.asarray(record.losses, dtype=np.float64))
    moving = trend is not None and trend.matters(size)
    if signal < SIGNAL or moving:  # a loss that still falls is told by `check_elbo`
        return Outcome(looked)
    finding = Finding(
        "warning",
        f"The gradient had not died down (signal-to-noise {signal:.1f})",
        "Where the training ended, a step's gradient was more signal than noise, although the loss looked "
        "level: the guide is still on its way, or its steps jump from one side of the best to the other.",
        "Smaller steps at the end: SVI(reductions=5), with more steps=.",
    )
    return Outcome(looked, (finding,))


def _noisy(cost: float, size: int) -> Finding:
    return Finding(
        "warning",
        f"The last steps were noisy ({cost:,.0f} nats)",
        f"At the last learning rate the noise of the gradient keeps the guide off its best: by {cost:,.0f} "
        f"nats over {size:,} unknowns, as if each centre were {100 * (2 * cost / size) ** 0.5:.0f} % of a "
        "standard deviation off.",
        "(1) smaller steps at the end: SVI(reductions=5), with more steps=; (2) larger batches: batch_size=; "
        "(3) more particles=.",
    )
