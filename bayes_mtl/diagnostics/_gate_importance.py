"""What the gate of `TaskClustering` looks at."""

from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor

from bayes_mtl._errors import InputError, UnsupportedError, message
from bayes_mtl.posterior import Posterior
from bayes_mtl.priors import TaskClustering

if TYPE_CHECKING:
    import pandas as pd

_PRIOR_DRAWS = 1000


def gate_importance(
    posterior: Posterior, *, by_cluster: bool = False, kind: str | None = None, level: float = 0.9
) -> "pd.DataFrame":
    """How much each feature of the tasks moves the gate of `TaskClustering`.

    For every draw: the change of a task's prior probabilities of the clusters when one feature rises by one
    standard deviation (from half below its value to half above), the others as they are, averaged over the
    fitted tasks. Coefficients would be harder to read: those of a softmax mean nothing one by one.

    Parameters
    ----------
    posterior
        Of ``TaskClustering(weights_prior="gate")``.
    by_cluster
        False: one row a feature, how much probability it moves between clusters (half the sum of the
        absolute changes, from 0 to 1). True: one row a feature and cluster, with the change's sign.
    kind
        Where tasks are of several kinds (`Mixed` likelihoods): which kind. Default: the first.
    level
        Probability of the intervals.

    Returns
    -------
    pandas.DataFrame
        Posterior mean, sd, lower and upper end, most important feature first. Moved probability is never
        below 0: compare it with ``prior``, its mean before any data. Signed changes come with the
        probability ``P(>0)`` instead.

    Raises
    ------
    UnsupportedError
        Where the prior has no gate.
    InputError
        For an unknown kind, or a level outside (0, 1).
    """
    import pandas as pd

    prior, features, gate = _gate(posterior, kind)
    if not 0.0 < level < 1.0:
        raise InputError(message("level", "between 0 and 1", level, "Use 0.9 for 90 % intervals."))
    names = posterior.program.schema.task_features
    ends = ((1.0 - level) / 2.0, (1.0 + level) / 2.0)
    change = changes(gate, features)
    moved = 0.5 * change.abs().sum(-1)
    order = [int(i) for i in moved.mean(0).argsort(descending=True)]
    if by_cluster:
        values = change[:, order].flatten(1).numpy()
        index: pd.Index[Any] = pd.MultiIndex.from_product(
            [[names[i] for i in order], range(prior.clusters)], names=["task_feature", "cluster"]
        )
        last = {"P(>0)": (values > 0).mean(0)}
    else:
        values = moved[:, order].numpy()
        index = pd.Index([names[i] for i in order], name="task_feature")
        noise = torch.randn(_PRIOR_DRAWS, *gate.shape[1:], generator=torch.Generator().manual_seed(0))
        before = 0.5 * changes(prior.gate_scale * noise.double(), features).abs().sum(-1)
        last = {"prior": before.mean(0)[order].numpy()}
    lower, upper = np.quantile(values, ends, axis=0)
    table = {"mean": values.mean(0), "sd": values.std(0), "lower": lower, "upper": upper, **last}
    return pd.DataFrame(table, index=index)


def changes(gate: Tensor, features: Tensor) -> Tensor:
    """Mean change of the clusters' probabilities a feature, ``[draws, features, clusters]``.

    Parameters
    ----------
    gate
        Coefficients ``[draws, 1 + features, clusters]``, the intercept's first.
    features
        ``[tasks, features]``, standardised.
    """
    logits = gate[:, :1] + features @ gate[:, 1:]  # [draws, tasks, clusters]
    found = []
    for j in range(features.shape[1]):
        half = 0.5 * gate[:, 1 + j].unsqueeze(1)
        found.append(((logits + half).softmax(-1) - (logits - half).softmax(-1)).mean(1))
    return torch.stack(found, 1)


def _gate(posterior: Posterior, kind: str | None) -> tuple[TaskClustering, Tensor, Tensor]:
    """The prior, features ``[tasks, features]`` of the tasks of a kind, and the draws of its gate."""
    program = posterior.program
    prior, given = program.prior, program.task_features
    if not isinstance(prior, TaskClustering) or prior.weights_prior != "gate" or given is None:
        raise UnsupportedError(
            f"{type(prior).__name__} has no gate. Fit TaskClustering(weights_prior='gate') to data with "
            "features of the tasks."
        )
    kinds = dict(program.kinds)
    kind = next(iter(kinds)) if kind is None else kind
    if kind not in kinds:
        raise InputError(message("kind", f"one of {list(kinds)}", repr(kind), "Choose one of them."))
    gate = posterior.draws[f"{kind}/gate" if kind else "gate"][:, 0]
    return prior, given[list(kinds[kind])].double(), gate.double()
