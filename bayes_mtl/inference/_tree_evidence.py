"""The evidence of all tasks on a tree, weights and inner nodes integrated out."""

from dataclasses import dataclass

from torch import Tensor

from bayes_mtl.distributions import TreeMessages


@dataclass(frozen=True, eq=False)
class TreeEvidence:
    """What the program sampled, for ``[draws]`` at once.

    Attributes
    ----------
    messages
        The diffusion, and what the data say of each task.
    constant
        ``[draws]``: the log-density of the targets apart from the messages.
    """

    messages: TreeMessages
    constant: Tensor

    def log(self) -> Tensor:
        """Log evidence, ``[draws]``."""
        return self.messages.log() + self.constant
