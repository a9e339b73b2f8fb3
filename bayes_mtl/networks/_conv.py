"""Convolutions over the steps of sequences that look back only."""

from collections.abc import Sequence
from itertools import pairwise

from torch import Tensor, nn
from torch.nn.functional import pad

from bayes_mtl._errors import InputError, message
from bayes_mtl._seed import seeded
from bayes_mtl.networks._abstract_encoder import AbstractEncoder, check_sequences


class Conv(AbstractEncoder):
    """Causal convolutions, each layer with twice the spacing of the one before.

    Parameters
    ----------
    in_features
        Number of features of a step.
    channels
        Widths of the layers; the last is `out_features`.
    kernel
        Steps that a layer looks at; with ``L`` layers the output sees ``1 + (kernel - 1)(2^L - 1)`` steps.
    activation
        Called after every layer.
    seed
        Of the initial weights: the same seed gives the same network.

    Notes
    -----
    Reference: Bai, Kolter and Koltun, An empirical evaluation of generic convolutional and recurrent networks
    for sequence modeling (2018), without its residual connections and dropout.
    """

    def __init__(
        self,
        in_features: int,
        channels: Sequence[int] = (32, 32),
        kernel: int = 3,
        *,
        activation: type[nn.Module] = nn.ReLU,
        seed: int = 0,
    ) -> None:
        super().__init__()
        if min(in_features, kernel, *channels, len(channels)) < 1:
            raise InputError(
                message(
                    "in_features, channels, kernel",
                    "positive sizes and at least one layer",
                    (in_features, tuple(channels), kernel),
                    "Give one width for each layer.",
                )
            )
        self.settings = {
            "in_features": in_features,
            "channels": tuple(channels),
            "kernel": kernel,
            "activation": activation,
            "seed": seed,
        }
        self.in_features, self.out_features, self._kernel = in_features, channels[-1], kernel
        with seeded(seed):
            self.layers = nn.ModuleList(
                nn.Conv1d(before, after, kernel, dilation=2**i)
                for i, (before, after) in enumerate(pairwise([in_features, *channels]))
            )
        self.activation = activation()

    def encode(self, x: Tensor) -> Tensor:
        check_sequences(x, type(self).__name__)
        h = x.mT
        for i, layer in enumerate(self.layers):
            h = self.activation(layer(pad(h, ((self._kernel - 1) * 2**i, 0))))
        return h.mT
