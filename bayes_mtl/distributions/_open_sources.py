"""Which sources a task may draw its prior from, and with which weights."""

import torch
from torch import Tensor


def open_sources(logits: Tensor, closed: Tensor, seen: Tensor) -> Tensor:
    """Normalised log weights over the sources that are open, ``[..., tasks, sources, outputs]``.

    Parameters
    ----------
    logits
        ``[..., tasks, sources]``.
    closed
        ``[tasks, sources]``: sources that a task may not draw from.
    seen
        ``[sources - 1, outputs]``: a task is no source of a class that it has not seen.
    """
    blind = torch.cat([~seen, torch.zeros_like(seen[:1])])
    shut = closed.unsqueeze(-1) | blind
    last = torch.zeros_like(shut)
    last[:, -1] = shut.all(-2)
    shut = shut & ~last
    low = logits.unsqueeze(-1).masked_fill(shut, -torch.inf)
    # where the base alone is open its own logit, which may be minus infinity, does not matter
    low = torch.where(last, torch.zeros_like(low), low)
    normal: Tensor = low.log_softmax(-2)
    return normal
