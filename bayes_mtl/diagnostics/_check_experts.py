"""Experts of a network that no task uses, and tasks that all use one."""

import numpy as np

from bayes_mtl.data import TaskData
from bayes_mtl.diagnostics._finding import Finding
from bayes_mtl.diagnostics._mixture_network import MixtureNetwork, mean_by_task
from bayes_mtl.diagnostics._outcome import Outcome
from bayes_mtl.networks import MultiClustering
from bayes_mtl.posterior import Posterior

UNUSED = 0.1
"""Of an equal share: an expert that gets less in every task adds little to any."""
_ALONE = 0.9


def check_experts(posterior: Posterior, data: TaskData | None) -> Outcome | None:
    """None for networks without experts, and for mixtures without the data that their gates read."""
    network = posterior.program.network
    if isinstance(network, MultiClustering):
        chosen = network.choices.most_probable().double().cpu().numpy()
        dead = np.flatnonzero(~chosen.any(0))
        return _outcome(posterior, dead, chosen, "network.deployed() leaves them out")
    if data is None or not isinstance(network, MixtureNetwork):
        return None
    try:
        use = mean_by_task(posterior, data).numpy()
    except AttributeError:  # a network around another one, which has no gates to hand on
        return None
    use = use[np.isfinite(use).all(1)]
    dead = np.flatnonzero(use.max(0) < UNUSED / use.shape[1])
    return _outcome(posterior, dead, use, "fewer experts do the same in less time")


def _outcome(posterior: Posterior, dead: np.ndarray, use: np.ndarray, cheaper: str) -> Outcome:
    number = use.shape[1]
    looked = f"experts: {len(dead)} of {number} used by no task"
    alone = number > 1 and bool((use.argmax(1) == use[0].argmax()).all()) and use.max(1).min() > _ALONE
    if alone and number - len(dead) == 1:
        expert = int(use[0].argmax())
        finding = Finding(
            "note",
            f"All tasks use one expert ({expert})",
            f"All {len(posterior.tasks)} tasks give it {use.max(1).min():.0%} of the mixture or more, which "
            "is one network for all then; the other experts learn nothing.",
            "(1) a lower learning rate of the network; (2) exclusive experts: MMoE(alpha=0.5), or "
            "MultiClustering; (3) an MLP for all tasks, if that predicts held-out data as well.",
            (f"expert {expert}",),
        )
        return Outcome(looked, (finding,))
    if not len(dead):
        return Outcome(looked)
    names = tuple(f"expert {int(i)}" for i in dead)
    finding = Finding(
        "note",
        f"{len(dead)} of {number} experts are used by no task",
        f"In every task they get less than {UNUSED:.0%} of an equal share: {', '.join(names)}.",
        f"Nothing; {cheaper}. If they died early in the training: a lower learning rate, or another seed.",
        names,
    )
    return Outcome(looked, (finding,))
