"""What to try where simulated targets do not look like the data."""

from collections.abc import Mapping

from bayes_mtl.diagnostics._remedies import numbered
from bayes_mtl.likelihoods import AbstractLikelihood, Gaussian, Poisson

_FEATURES = "features that tell these observations or tasks apart"


def predictive_remedy(likelihood: AbstractLikelihood, kind: str, odd: Mapping[str, bool]) -> str:
    """As one sentence, the easiest first.

    Parameters
    ----------
    kind
        Of targets, as the replicates call it.
    odd
        Statistics that differ, and whether each is smaller in the data than in simulations.
    """
    tries: list[str] = []
    if kind == "classes":
        tries = [
            _FEATURES,
            "a prior under which tasks differ more, such as Hierarchical or Independent",
            "look for classes that mean another thing in these tasks",
        ]
    elif kind == "durations":
        tries = [
            "another family of durations: LogNormal for Gamma, or the other way round",
            _FEATURES,
            "ask whether who is censored tells something of when the event would come",
        ]
    elif kind == "counts":
        if odd.get("dispersion") is False and isinstance(likelihood, Poisson):
            tries.append("NegativeBinomial for Poisson: counts vary more than Poisson ones of their means")
        if any("zeros" in name for name in odd):
            tries.append("look for zeros of another origin (nobody counted, closed), and leave them out")
        tries += [_FEATURES, "an offset, where counts are of different exposure"]
    else:
        far = (odd.get("smallest") is True) or (odd.get("largest") is False)
        near = (odd.get("smallest") is False) or (odd.get("largest") is True)
        if far and isinstance(likelihood, Gaussian):
            tries.append("StudentT for Gaussian: single targets lie far out")
        if near:
            tries.append("look for a limit at which targets are cut off or pile up")
        if any("skewness" in name for name in odd):
            tries.append("LogNormal or Gamma where targets are positive and skewed, or a transformed target")
        if any("deviation" in name for name in odd) and hasattr(likelihood, "noise"):
            tries.append(f"a noise of its own for each task: {type(likelihood).__name__}(noise='task')")
        tries.append(_FEATURES)
    return numbered(tries)
