"""Networks whose training has terms besides the likelihood."""

from abc import ABC, abstractmethod

from torch import nn

from bayes_mtl.data import Batch
from bayes_mtl.networks._training_features import TrainingFeatures


class AbstractObjectiveNetwork(nn.Module, ABC):
    """A network that adds to the objective: penalties, adversaries, choices without a gradient, own latents.

    In training mode the model calls `objective` where it would call ``forward``; in evaluation mode, and for
    all predictions, only ``forward``.

    Attributes
    ----------
    out_features
        Width of the output.

    Notes
    -----
    The objective that is maximised is the evidence lower bound plus the sum over the batch's observations of
    ``scale * terms``. What belongs to the whole model and not to an observation (a divergence of global
    choices from their prior) is added by ``pyro.factor("network.NAME", value)`` inside of `objective`: it
    counts once, whatever the size of the batch and the number of particles.
    """

    out_features: int

    @abstractmethod
    def objective(self, batch: Batch) -> TrainingFeatures:
        """Features of the batch's observations in training, and what the network adds to the objective.

        Parameters
        ----------
        batch
            Everything that the model sees, the targets included. It may be a mini-batch: ``batch.scale`` is
            the weight of each observation's terms.
        """
