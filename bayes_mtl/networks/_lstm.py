"""Long short-term memory."""

from torch import nn

from bayes_mtl.networks._abstract_recurrent import AbstractRecurrent


class LSTM(AbstractRecurrent):
    """Long short-term memory over the steps of each row; the output is the state at each step.

    Parameters
    ----------
    in_features
        Number of features of a step.
    hidden
        Width of the state.
    layers
        Number of layers.
    seed
        Of the initial weights: the same seed gives the same network.

    Notes
    -----
    Reference: Hochreiter and Schmidhuber, Long short-term memory (Neural Computation 1997).
    """

    def __init__(self, in_features: int, hidden: int = 32, layers: int = 1, *, seed: int = 0) -> None:
        super().__init__(nn.LSTM, in_features, hidden, layers, seed)
