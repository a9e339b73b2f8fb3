"""Gated recurrent units."""

from torch import nn

from bayes_mtl.networks._abstract_recurrent import AbstractRecurrent


class GRU(AbstractRecurrent):
    """Gated recurrent units over the steps of each row; the output is the state at each step.

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
    Reference: Cho et al., Learning phrase representations using RNN encoder-decoder (EMNLP 2014).
    """

    def __init__(self, in_features: int, hidden: int = 32, layers: int = 1, *, seed: int = 0) -> None:
        super().__init__(nn.GRU, in_features, hidden, layers, seed)
