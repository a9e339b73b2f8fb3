"""What a Gaussian likelihood needs to know of the data of each task."""

from dataclasses import dataclass, fields, replace

import torch
from torch import Tensor


@dataclass(frozen=True, eq=False)
class Statistics:
    """Precision-weighted sums over each task's observations; see `gram`.

    With design ``a``, response ``r``, precision ``p`` and weight ``w`` of an observation:

    Attributes
    ----------
    xx
        ``[tasks, weights, weights]``: sum of ``p a a'``. Weights are the intercept (if there is one),
        varying features, fixed features.
    xy
        ``[tasks, weights]``: sum of ``p a r``.
    yy
        ``[tasks]``: sum of ``p r^2``.
    n
        ``[tasks]``: sum of ``w``, the number of observations where there are no weights.
    log_precision
        ``[tasks]``: sum of ``w log(p / w)``; 0 where precision is only weight.
    """

    xx: Tensor
    xy: Tensor
    yy: Tensor
    n: Tensor
    log_precision: Tensor

    @property
    def tasks(self) -> int:
        """Number of tasks."""
        return self.xx.shape[0]

    @property
    def weights(self) -> int:
        """Number of columns of the design."""
        return self.xx.shape[-1]

    def to(self, device: torch.device | str, dtype: torch.dtype = torch.float64) -> "Statistics":
        """Move the statistics elsewhere."""
        return replace(self, **{f.name: getattr(self, f.name).to(device, dtype) for f in fields(self)})
