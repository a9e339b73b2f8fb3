"""Which statistics of the targets are asked of simulated ones: those that fit the likelihood."""

import numpy as np

from bayes_mtl.data import TaskData
from bayes_mtl.diagnostics._replicated_classes import ReplicatedClasses
from bayes_mtl.diagnostics._replicated_counts import ReplicatedCounts
from bayes_mtl.diagnostics._replicated_numbers import ReplicatedNumbers
from bayes_mtl.diagnostics._replicated_survival import ReplicatedSurvival
from bayes_mtl.diagnostics._replicates import AbstractReplicates
from bayes_mtl.likelihoods import (
    AbstractLikelihood,
    Bernoulli,
    Categorical,
    Gamma,
    LogNormal,
    Mixed,
    Ordinal,
)
from bayes_mtl.posterior import Posterior


class Predictive:
    """Collects simulated targets of all kinds of a posterior's tasks; hand `add` to `each_observation`."""

    def __init__(self, posterior: Posterior, data: TaskData) -> None:
        likelihood, tasks = posterior.program.likelihood, range(len(posterior.tasks))
        kinds: list[tuple[AbstractLikelihood, tuple[int, ...]]] = [(likelihood, tuple(tasks))]
        if isinstance(likelihood, Mixed):
            kinds = [(kind.likelihood, kind.tasks) for kind in likelihood.kinds]
        y = np.asarray(data.y, dtype=np.float64)
        self.parts: list[tuple[AbstractLikelihood, AbstractReplicates]] = [
            (own, _replicates(own, members, data, y))
            for own, members in kinds
            if np.isin(data.task, members).any()
        ]

    def add(self, index: np.ndarray, simulated: np.ndarray) -> None:
        """Take in simulated targets ``[draws, len(index)]`` of some observations."""
        for _, part in self.parts:
            part.add(index, simulated)


def _replicates(
    likelihood: AbstractLikelihood, tasks: tuple[int, ...], data: TaskData, y: np.ndarray
) -> AbstractReplicates:
    if data.censored is not None and data.censored[np.isin(data.task, tasks)].any():
        return ReplicatedSurvival(tasks, data.task, y, censored=data.censored)
    if isinstance(likelihood, (Bernoulli, Categorical, Ordinal)):
        return ReplicatedClasses(tasks, data.task, y, names=data.schema.classes)
    if likelihood.discrete:
        return ReplicatedCounts(tasks, data.task, y)
    return ReplicatedNumbers(tasks, data.task, y, positive=isinstance(likelihood, (LogNormal, Gamma)))
