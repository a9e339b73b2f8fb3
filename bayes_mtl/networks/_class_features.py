"""Where the features of every task's classes lie."""

import torch
from torch import Tensor, nn

_FIRST_SPREAD = 0.1
"""Of the first means: at the same place, no source would be preferred."""


class ClassFeatures(nn.Module):
    """Mean and variance of the features of each task and class, as the previous steps left them, detached.

    Parameters
    ----------
    tasks, classes, features
        Sizes.
    momentum
        Share of the newest batch in the running average.

    Attributes
    ----------
    mean, square
        ``[tasks, classes, features]``: of the features, and of their squares.
    """

    mean: Tensor
    square: Tensor

    def __init__(self, tasks: int, classes: int, features: int, momentum: float) -> None:
        super().__init__()
        generator = torch.Generator().manual_seed(0)
        shape = (tasks, classes, features)
        first = _FIRST_SPREAD * torch.randn(shape, generator=generator, device="cpu")
        self.register_buffer("mean", first)
        self.register_buffer("square", first.square() + 1.0)
        self.momentum = momentum

    def update(self, mean: Tensor, sd: Tensor, place: Tensor, weight: Tensor) -> None:
        """Take in a batch; classes that are not in it stay as they are.

        Parameters
        ----------
        mean, sd
            ``[observations, features]``, of each observation's features.
        place
            ``[observations]``: ``task * classes + class``.
        weight
            ``[observations]``.
        """
        with torch.no_grad():
            size = self.mean.shape[0] * self.mean.shape[1]
            total = weight.new_zeros(size).index_add(0, place, weight).unsqueeze(-1)
            share = self.momentum * (total > 0)
            for old, new in ((self.mean, mean), (self.square, mean.square() + sd.square())):
                sums = new.new_zeros(size, new.shape[-1]).index_add(0, place, weight.unsqueeze(-1) * new)
                average = sums / total.clamp_min(torch.finfo(total.dtype).tiny)
                old.copy_(torch.lerp(old.flatten(0, 1), average, share.to(old.dtype)).reshape(old.shape))

    def moments(self) -> tuple[Tensor, Tensor]:
        """Mean and variance, ``[tasks, classes, features]``; copies, which a later update leaves alone."""
        mean = self.mean.clone()
        return mean, (self.square - mean.square()).clamp_min(0.0)
