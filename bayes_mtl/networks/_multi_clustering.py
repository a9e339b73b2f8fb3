"""Overlapping clusters of tasks: each task chooses which experts it uses."""

from collections.abc import Sequence
from copy import deepcopy

import torch
from torch import Tensor, nn

from bayes_mtl._seed import seeded
from bayes_mtl.data import Batch
from bayes_mtl.networks._abstract_encoder import check_sizes
from bayes_mtl.networks._abstract_objective_network import AbstractObjectiveNetwork
from bayes_mtl.networks._choices import Baseline, Choices
from bayes_mtl.networks._chosen_sum import chosen_sum
from bayes_mtl.networks._expert_sizes import expert_sizes
from bayes_mtl.networks._selected_experts import SelectedExperts
from bayes_mtl.networks._training_features import TrainingFeatures


class MultiClustering(AbstractObjectiveNetwork):
    """Task multi-clustering: ``z(t, x) = sum_i b[t, i] w[t, i] f_i(x)``, ``b[t, i] ~ Bernoulli(p[t, i])``.

    In training the choices ``b`` are drawn anew for each observation, and only chosen experts are evaluated.
    In evaluation each task uses its ``round(sum_i p[t, i])`` most probable experts, one at least.

    Parameters
    ----------
    tasks
        Number of tasks of the data.
    experts
        Networks from rows to features, all of one width: see `experts`.
    penalty
        The paper's: ``penalty / tasks * sum p`` is added to the mean loss over observations.
    prior_inclusion
        In place of a penalty: prior probability that a task uses an expert. The objective is then an evidence
        bound; ``penalty = -logit(prior_inclusion) / (observations of a task)`` is the same without entropy.
    baseline
        Of the score-function gradient: ``"leave-one-out"`` or None, which is the paper's.
    in_features, out_features
        Widths of inputs and outputs, where the experts do not tell.
    seed
        Of the initial weights ``w``, standard normal.

    Notes
    -----
    Reference: Yan et al., Task multi-clustering (2019). `deployed` gives the network without experts that no
    task uses.
    """

    def __init__(
        self,
        tasks: int,
        experts: Sequence[nn.Module],
        *,
        penalty: float = 0.0,
        prior_inclusion: float | None = None,
        baseline: Baseline = "leave-one-out",
        in_features: int | None = None,
        out_features: int | None = None,
        seed: int = 0,
    ) -> None:
        super().__init__()
        check_sizes(tasks=tasks)
        self.in_features, self.out_features = expert_sizes(experts, in_features, out_features)
        self.tasks = tasks
        self.settings = {
            "tasks": tasks,
            "experts": tuple(experts),
            "penalty": penalty,
            "prior_inclusion": prior_inclusion,
            "baseline": baseline,
            "in_features": in_features,
            "out_features": out_features,
            "seed": seed,
        }
        self.experts = nn.ModuleList(experts)
        self.choices = Choices(tasks, len(self.experts), penalty, prior_inclusion, baseline)
        with seeded(seed):
            self.weight = nn.Parameter(torch.randn(tasks, len(self.experts)))

    def forward(
        self,
        x: Tensor,
        row: Tensor | None,
        task: Tensor,
        step: Tensor | None = None,
        length: Tensor | None = None,
    ) -> Tensor:
        """Features of each observation by its task's most probable experts; arguments as for `MMoE`."""
        return self._sum(x, row, task, step, self.choices.most_probable().index_select(0, task))

    def objective(self, batch: Batch) -> TrainingFeatures:
        chosen = self.choices.draw(batch.task)
        self.choices.price(batch.scale)
        return TrainingFeatures(
            self._sum(batch.x, batch.row, batch.task, batch.steps_of_observations(), chosen),
            lambda log_likelihood: self.choices.score(chosen, batch.task, log_likelihood),
        )

    def probabilities(self) -> Tensor:
        """How probable each task's use of each expert is, ``[tasks, experts]``."""
        return self.choices.probabilities().detach()

    def similarity(self) -> Tensor:
        """Correlation of the tasks' probabilities over experts, ``[tasks, tasks]``; 1 on the diagonal."""
        centred = self.probabilities().double()
        centred = centred - centred.mean(-1, keepdim=True)
        # tasks that use all experts alike correlate with nobody
        unit = centred / centred.norm(dim=-1, keepdim=True).clamp(min=1e-12)
        return (unit @ unit.mT).fill_diagonal_(1.0)

    def deployed(self) -> SelectedExperts:
        """The same features as in evaluation, by a module without the experts that no task uses."""
        open = self.choices.most_probable()
        used = open.any(0).nonzero()[:, 0].tolist()
        kept = [deepcopy(self.experts[e]) for e in used]
        sizes = {"in_features": self.in_features, "out_features": self.out_features}
        found = SelectedExperts(self.tasks, kept, open[:, used], **sizes)
        with torch.no_grad():
            found.weight.copy_(self.weight[:, used])
        return found.train(self.training)

    def _sum(
        self, x: Tensor, row: Tensor | None, task: Tensor, step: Tensor | None, chosen: Tensor
    ) -> Tensor:
        weights = self.weight.index_select(0, task)
        return chosen_sum(self.experts, self.out_features, x, row, step, chosen, weights)
