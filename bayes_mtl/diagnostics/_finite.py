"""Whether all draws are numbers."""

import torch

from bayes_mtl.diagnostics._finding import Finding
from bayes_mtl.diagnostics._outcome import Outcome
from bayes_mtl.posterior import Posterior


def check_finite(posterior: Posterior) -> Outcome:
    """Sites, and tasks, with draws that are infinite or not a number."""
    # a sum is quicker; it is finite only where all its terms are, and may overflow where they are
    doubtful = {name: value for name, value in posterior.draws.items() if not value.sum().isfinite()}
    bad = [name for name, value in doubtful.items() if not torch.isfinite(value).all()]
    looked = f"draws: {posterior.number:,} of {len(posterior.draws)} sites"
    if not bad:
        return Outcome(f"{looked}, all finite")
    weights = posterior.draws["weights"]
    rows = (~torch.isfinite(weights)).flatten(2).any(-1).any(0)
    tasks = tuple(name for name, wrong in zip(posterior.tasks, rows.tolist(), strict=True) if wrong)
    where = f"; tasks: {', '.join(tasks[:5])}{', ...' * (len(tasks) > 5)}" if tasks else ""
    finding = Finding(
        "serious",
        "Some draws are not finite",
        f"Infinite or not a number in: {', '.join(bad)}{where}. Summaries and predictions from them mean "
        "nothing.",
        "Look for extreme values in the data of these tasks; lower the learning rate; tighten the priors of "
        "scales.",
        (*bad, *tasks),
    )
    return Outcome(f"{looked}, not all finite", (finding,))
