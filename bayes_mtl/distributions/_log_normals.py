"""Log-densities of all tasks' weights under all sources, as matrix products."""

import math

from torch import Tensor


def log_normals(value: Tensor, mean: Tensor, sd: Tensor) -> Tensor:
    """``[..., tasks, sources, outputs]``: independent normals, summed over features.

    The differences of every task from every source would be ``tasks x sources x features x outputs`` numbers;
    squares multiplied out need only products. Both sides are first taken from the sources' average, without
    which float32 loses most digits of the differences.

    Parameters
    ----------
    value
        ``[..., tasks, features, outputs]``.
    mean, sd
        ``[..., sources, features, outputs]``.
    """
    center = mean.mean(-3, keepdim=True).detach()
    # outputs in front: a matrix product for each
    own = (value - center).movedim(-1, -3)
    away = (mean - center).movedim(-1, -3)
    precision = sd.movedim(-1, -3).square().reciprocal()
    pulled = precision * away
    squares = own.square() @ precision.mT - 2.0 * (own @ pulled.mT) + (pulled * away).sum(-1).unsqueeze(-2)
    logs = sd.log().sum(-2).mT.unsqueeze(-2)  # [..., outputs, 1, sources]
    found: Tensor = -0.5 * squares - logs - 0.5 * math.log(2 * math.pi) * value.shape[-2]
    return found.movedim(-3, -1)
