"""What to try instead of the inference that was used, the easiest first."""

from collections.abc import Sequence

from bayes_mtl.diagnostics._latents import collapsed, unknowns
from bayes_mtl.likelihoods import Gaussian
from bayes_mtl.posterior import Posterior
from bayes_mtl.priors import AbstractGaussianTaskPrior

_LARGEST_FULL_RANK = 2_000


def better_inferences(posterior: Posterior) -> str:
    """Ways to a closer approximation of the same posterior, as one sentence."""
    record, program, size = posterior.record, posterior.program, unknowns(posterior)
    tries = []
    if "SVI" in record.method:
        tries.append("train longer: SVI(steps=...) with more steps, or reductions=5")
        full = "AutoMultivariateNormal" in record.settings.get("guide", "")
        if not full and not collapsed(posterior) and size is not None and size <= _LARGEST_FULL_RANK:
            tries.append("a richer guide: SVI(guide=pyro.infer.autoguide.AutoMultivariateNormal)")
    if collapsible(posterior):
        tries.append("Collapsed(hyperparameters=NUTS()), exact up to Monte-Carlo error")
    elif program.network is None:
        tries.append("NUTS(), exact up to Monte-Carlo error but slow")
    return numbered(tries)


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
