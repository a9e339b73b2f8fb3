"""Point estimates: what the intervals leave out."""

from bayes_mtl.diagnostics._finding import Finding
from bayes_mtl.diagnostics._latents import adapted, at_one_point
from bayes_mtl.diagnostics._outcome import Outcome
from bayes_mtl.diagnostics._remedies import collapsible
from bayes_mtl.posterior import Posterior

FEW_TASKS = 20


def check_point(posterior: Posterior) -> Outcome | None:
    """Whether all draws share one value of the hyperparameters; None where they do not."""
    if adapted(posterior):
        return None  # resampled draws may all be one; `check_psis` says how few they are
    if posterior.number == 1:
        return Outcome("intervals: none, there is a single draw", (_single(posterior),))
    hyper = at_one_point(posterior)
    if not hyper:
        return None
    tasks = len(posterior.tasks)
    few = tasks < FEW_TASKS
    what = (
        f"Every draw uses the same {', '.join(hyper)}. Intervals of weights and predictions leave "
        "out that these are uncertain themselves. "
    )
    what += (
        f"With {tasks} tasks that matters: how much tasks differ is learned from them, and intervals come "
        "out too narrow."
        if few
        else f"With {tasks} tasks that adds little to intervals of single tasks."
    )
    remedy = "Collapsed(hyperparameters=NUTS())" if collapsible(posterior) else "SVI() or NUTS()"
    finding = Finding(
        "warning" if few else "note",
        "Hyperparameters are a point estimate",
        what,
        f"{remedy}, which draws them too." if few else f"Nothing, or {remedy}, which draws them too.",
        hyper,
    )
    return Outcome("uncertainty of the hyperparameters: none, they are at their mode", (finding,))


def _single(posterior: Posterior) -> Finding:
    others = "SVI()" if posterior.program.network is not None else "fit(model, data) or SVI()"
    return Finding(
        "warning",
        "A single point, without any uncertainty",
        f"{posterior.record.method} found one value of everything: intervals of weights have width zero, and "
        "those of predictions hold the noise of the targets alone.",
        f"{others}, which draw the weights.",
    )
