"""Whether a network has seen what is called left out."""

from bayes_mtl.diagnostics._finding import Finding
from bayes_mtl.diagnostics._outcome import Outcome
from bayes_mtl.networks import Frozen
from bayes_mtl.posterior import Posterior


def trained_network(posterior: Posterior) -> bool:
    """Whether features come from parameters that are the same in all draws."""
    network = posterior.program.network
    return network is not None and any(True for _ in network.parameters())


def check_network(posterior: Posterior) -> Outcome | None:
    """None without a network that is trained."""
    if not trained_network(posterior):
        return None
    network = posterior.program.network
    where = " (if it was trained on these data)" if isinstance(network, Frozen) else ""
    finding = Finding(
        "note",
        "What is left out here was seen by the network: hold data out",
        f"Weights of the draws undo what an observation told the tasks, not what it told the parameters of "
        f"{type(network).__name__}{where}. Scores by leave-one-out (loo, compare) and coverage "
        "(calibration) are nearly those of the training data: new rows are predicted worse.",
        "train, held_out = data.split(); fit train, with SVI(validation=Validation(...)) of a part of it; "
        "then posterior.score(held_out) and calibration(posterior, held_out).",
    )
    return Outcome("network: trained on what is left out", (finding,))
