"""How the gradient of the network's parameters is formed."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import ClassVar

from torch import Tensor, nn

from bayes_mtl.inference._evaluation import Evaluation
from bayes_mtl.inference._tasks import Tasks


class AbstractModuleGradient(ABC):
    """A rule for the gradient of the deterministic network, as a frozen dataclass of settings.

    It acts on the network's parameters alone. The guide, and whatever belongs to prior and likelihood, always
    get the gradient of the ELBO: a posterior whose gradients are reweighted by task is another posterior.
    Penalties and priors inside of the network are no task's, and keep their gradient too.
    """

    captured: ClassVar[bool] = True
    """Whether `gradients` is made of tensor operations of fixed shapes alone: then steps can be compiled."""

    def memory(self, tasks: Tasks) -> nn.Module | None:
        """What is kept from step to step, as buffers; None for nothing. It is saved in checkpoints."""
        return None

    @abstractmethod
    def gradients(self, evaluation: Evaluation, memory: nn.Module | None) -> Sequence[Tensor]:
        """Gradient of each of ``evaluation.parameters``, detached.

        Parameters
        ----------
        evaluation
            Of the ELBO on the step's batch.
        memory
            What `memory` returned, to be changed in place.
        """
