"""What to try instead of the inference that was used, the easiest first."""

from collections.abc import Sequence

from bayes_mtl.diagnostics._latents import collapsed, latent_sizes, of_weights, unknowns
from bayes_mtl.inference._collapsed import FEW
from bayes_mtl.inference._escalation import LARGEST_FULL_RANK
from bayes_mtl.inference._laplace_program import why_no_laplace
from bayes_mtl.likelihoods import Gaussian
from bayes_mtl.posterior import Posterior
from bayes_mtl.priors import AbstractGaussianTaskPrior

_FROM_AUTOGUIDE = "from pyro.infer.autoguide"


def better_inferences(posterior: Posterior) -> str:
    """Ways to a closer approximation of the same posterior, as one sentence."""
    record, program, size = posterior.record, posterior.program, unknowns(posterior)
    tries = []
    if "SVI" in record.method:
        tries.append("train longer: SVI(steps=...) with more steps, or reductions=5")
        guide = None if collapsed(posterior) else _richer(record.settings.get("guide", ""), size)
        if guide is not None:
            tries.append(f"a richer guide: {guide}; Escalation() climbs from guide to guide by itself")
    if collapsible(posterior):
        sizes = latent_sizes(posterior) or {}
        few = 0 < sum(size for name, size in sizes.items() if not of_weights(name)) <= FEW
        if few and record.settings.get("hyperparameters") != "None":  # what chooses by itself has tried it
            tries.append("Collapsed(), which draws so few hyperparameters exactly where it can")
        tries.append("Collapsed(hyperparameters=NUTS()), exact up to Monte-Carlo error")
    elif program.network is None:
        if why_no_laplace(program) is None and record.settings.get("tried") is None:
            tries.append("NestedLaplace(), exact where it does not refuse: few rows and hyperparameters")
        tries.append("NUTS(), exact up to Monte-Carlo error but slow")
    return numbered(tries)


def _richer(guide: str, size: int | None) -> str | None:
    """The guide after ``guide`` in the order of `ladder`; None after the last one that fits."""
    if "AutoNormal" in guide or "AutoDiagonalNormal" in guide:
        return "SVI() with its own guide, a block a task"
    small = size is not None and size <= LARGEST_FULL_RANK
    full = f"SVI(guide=AutoMultivariateNormal), {_FROM_AUTOGUIDE}"
    if guide in ("", "None"):
        # a covariance between all unknowns holds what blocks leave out; where it fits, low rank is no gain
        return full if small else f"SVI(guide=AutoLowRankMultivariateNormal), {_FROM_AUTOGUIDE}"
    return full if small and "AutoMultivariateNormal" not in guide else None


def numbered(tries: Sequence[str]) -> str:
    """Suggestions as one sentence, numbered where there are several."""
    if len(tries) < 2:
        return f"{tries[0]}." if tries else "compare predictions with held-out data."
    return "; ".join(f"({i}) {text}" for i, text in enumerate(tries, 1)) + "."


def collapsible(posterior: Posterior) -> bool:
    """Whether the weights of this model can be integrated out in closed form."""
    program = posterior.program
    return (
        type(program.likelihood) is Gaussian
        and isinstance(program.prior, AbstractGaussianTaskPrior)
        and program.network is None
    )
