"""Features that tell nothing of the task, beside features of each task's own."""

from collections.abc import Sequence

import pyro
import torch
from torch import Tensor, nn
from torch.nn.functional import normalize

from bayes_mtl._errors import InputError, message
from bayes_mtl._seed import seeded
from bayes_mtl.data import Batch
from bayes_mtl.networks._abstract_objective_network import AbstractObjectiveNetwork
from bayes_mtl.networks._chosen_sum import chosen_sum
from bayes_mtl.networks._expert_sizes import expert_sizes
from bayes_mtl.networks._places import at_observations
from bayes_mtl.networks._training_features import TrainingFeatures


class AdversarialSharedPrivate(AbstractObjectiveNetwork):
    """A shared encoder that an adversary cannot tell tasks by, and a private encoder for each task.

    The features are those of the shared encoder beside those of the task's own. In training a classifier
    guesses the task from the shared ones; its gradient is reversed where it enters the encoder.

    Parameters
    ----------
    shared
        Encoder that all tasks share.
    private
        One encoder for each task, all of one width: see `experts`.
    adversary
        Weight of the adversary's log-likelihood beside that of the targets.
    orthogonality
        Weight of the squared correlation between shared and private features.
    hidden
        Width of the adversary's hidden layer.
    in_features
        Width of the inputs, where the encoders do not tell.
    seed
        Of the adversary's initial weights.

    Notes
    -----
    Shared and private features are compared over the batch, so the penalty depends on its size: it is no part
    of an evidence bound, and neither is the adversary. References: Ganin and Lempitsky, Unsupervised domain
    adaptation by backpropagation (ICML 2015); Liu, Qiu and Huang, Adversarial multi-task learning for text
    classification (ACL 2017).
    """

    def __init__(
        self,
        shared: nn.Module,
        private: Sequence[nn.Module],
        *,
        adversary: float = 0.05,
        orthogonality: float = 0.01,
        hidden: int = 32,
        in_features: int | None = None,
        seed: int = 0,
    ) -> None:
        super().__init__()
        self.in_features, self._shared_width = expert_sizes([shared], in_features, None)
        _, self._private_width = expert_sizes(private, self.in_features, None)
        self.out_features, self.tasks = self._shared_width + self._private_width, len(private)
        if min(adversary, orthogonality) < 0 or hidden < 1:
            raise InputError(
                message(
                    "adversary, orthogonality, hidden",
                    "weights of 0 or more and a positive width",
                    (adversary, orthogonality, hidden),
                    "Try 0.05, 0.01 and 32.",
                )
            )
        self.settings = {
            "shared": shared,
            "private": tuple(private),
            "adversary": adversary,
            "orthogonality": orthogonality,
            "hidden": hidden,
            "in_features": in_features,
            "seed": seed,
        }
        self._adversary, self._orthogonality = adversary, orthogonality
        self.shared, self.private = shared, nn.ModuleList(private)
        with seeded(seed):
            self.adversary = nn.Sequential(
                nn.Linear(self._shared_width, hidden), nn.ReLU(), nn.Linear(hidden, self.tasks)
            )

    def forward(
        self,
        x: Tensor,
        row: Tensor | None,
        task: Tensor,
        step: Tensor | None = None,
        length: Tensor | None = None,
    ) -> Tensor:
        """Shared and private features of each observation; arguments as for `MMoE`."""
        shared = at_observations(self.shared(x), row, step)
        own = task.unsqueeze(-1) == torch.arange(self.tasks, device=task.device)
        weights = own.to(x.dtype)
        private = chosen_sum(self.private, self._private_width, x, row, step, own, weights)
        return torch.cat([shared, private], -1)

    def objective(self, batch: Batch) -> TrainingFeatures:
        features = self(batch.x, batch.row, batch.task, batch.steps_of_observations())
        shared, private = features.split([self._shared_width, self._private_width], -1)
        # twice the value without gradient, minus the value: the same number, its gradient reversed
        guesses = self.adversary(2 * shared.detach() - shared).log_softmax(-1)
        log_probability = guesses.gather(-1, batch.task.unsqueeze(-1)).squeeze(-1)
        if self._orthogonality:
            share = batch.scale / batch.scale.sum()
            product = normalize(shared, dim=-1).mT @ (share.unsqueeze(-1) * normalize(private, dim=-1))
            weight = self._orthogonality * batch.scale.sum()
            pyro.factor("network.orthogonality", -weight * product.square().sum())
        return TrainingFeatures(features, lambda _: self._adversary * log_probability)
