"""What recurrent encoders share."""

from abc import ABC

from torch import Tensor, nn

from bayes_mtl._seed import seeded
from bayes_mtl.networks._abstract_encoder import AbstractEncoder, check_sequences, check_sizes


class AbstractRecurrent(AbstractEncoder, ABC):
    """A recurrent network over the steps of each row.

    Parameters
    ----------
    kind
        Torch's module.
    in_features
        Number of features of a step.
    hidden
        Width of the state, which is the output.
    layers
        Number of layers.
    seed
        Of the initial weights.
    """

    def __init__(
        self, kind: type[nn.GRU] | type[nn.LSTM], in_features: int, hidden: int, layers: int, seed: int
    ) -> None:
        super().__init__()
        check_sizes(in_features=in_features, hidden=hidden, layers=layers)
        self.settings = {"in_features": in_features, "hidden": hidden, "layers": layers, "seed": seed}
        self.in_features, self.out_features = in_features, hidden
        with seeded(seed):
            self.cells = kind(in_features, hidden, layers, batch_first=True)

    def encode(self, x: Tensor) -> Tensor:
        check_sequences(x, type(self).__name__)
        states: Tensor = self.cells(x)[0]
        return states
