"""Where the features of observations are among those of rows and steps."""

import torch
from torch import Tensor


def at_observations(features: Tensor, row: Tensor | None, step: Tensor | None) -> Tensor:
    """Features of each observation from those of rows.

    Parameters
    ----------
    features
        ``[..., rows, width]``, or ``[..., rows, steps, width]`` together with ``step``.
    row
        ``[observations]``: row of each observation; None where observation ``i`` is row ``i``.
    step
        ``[observations]``: step of each observation, or None for rows without steps.

    Returns
    -------
    Tensor
        ``[..., observations, width]``.
    """
    if step is None:
        return features if row is None else features.index_select(-2, row)
    return features.flatten(-3, -2).index_select(-2, places(row, step, features.shape[-2]))


def places(row: Tensor | None, step: Tensor, steps: int) -> Tensor:
    """``[observations]``: place of each observation among all rows' steps, one row after the other."""
    row = torch.arange(len(step), device=step.device) if row is None else row
    return row * steps + step
