"""Attention over the steps of sequences that looks back only."""

import math

import torch
from torch import Tensor, nn

from bayes_mtl._errors import InputError, message
from bayes_mtl._seed import seeded
from bayes_mtl.networks._abstract_encoder import AbstractEncoder, check_sequences, check_sizes


class Transformer(AbstractEncoder):
    """A transformer encoder with a causal mask and sinusoidal positions.

    Parameters
    ----------
    in_features
        Number of features of a step.
    width
        Width of the layers, which is the output.
    heads
        Number of heads; they divide ``width``.
    layers
        Number of layers, normalised before attention.
    feedforward
        Width inside of a layer's fully connected part; None for twice the width.
    seed
        Of the initial weights: the same seed gives the same network.

    Notes
    -----
    Without dropout: the guide's noise, not the network's, is the model's uncertainty. Reference: Vaswani et
    al., Attention is all you need (NeurIPS 2017).
    """

    def __init__(
        self,
        in_features: int,
        width: int = 32,
        heads: int = 4,
        layers: int = 2,
        *,
        feedforward: int | None = None,
        seed: int = 0,
    ) -> None:
        super().__init__()
        inner = 2 * width if feedforward is None else feedforward
        check_sizes(in_features=in_features, width=width, heads=heads, layers=layers, feedforward=inner)
        if width % heads or width % 2:
            raise InputError(
                message("width", f"an even multiple of heads, {heads}", width, "Try width=32, heads=4.")
            )
        self.settings = {
            "in_features": in_features,
            "width": width,
            "heads": heads,
            "layers": layers,
            "feedforward": feedforward,
            "seed": seed,
        }
        self.in_features, self.out_features = in_features, width
        with seeded(seed):
            self.embedding = nn.Linear(in_features, width)
            self.layers = nn.ModuleList(
                nn.TransformerEncoderLayer(width, heads, inner, 0.0, batch_first=True, norm_first=True)
                for _ in range(layers)
            )
            self.norm = nn.LayerNorm(width)

    def encode(self, x: Tensor) -> Tensor:
        check_sequences(x, type(self).__name__)
        steps = x.shape[1]
        ahead = torch.ones(steps, steps, dtype=torch.bool, device=x.device).triu(1)
        h = self.embedding(x)
        h = h + _positions(steps, self.out_features, h)
        for layer in self.layers:
            h = layer(h, src_mask=ahead)
        return self.norm(h)


def _positions(steps: int, width: int, like: Tensor) -> Tensor:
    """``[steps, width]``: sines and cosines of wavelengths from 2 pi to 20,000 pi steps."""
    step = torch.arange(steps, device=like.device, dtype=like.dtype).unsqueeze(-1)
    even = torch.arange(0, width, 2, device=like.device, dtype=like.dtype)
    angle = step * torch.exp(even * (-math.log(10_000.0) / width))
    return torch.stack([angle.sin(), angle.cos()], -1).flatten(-2)
