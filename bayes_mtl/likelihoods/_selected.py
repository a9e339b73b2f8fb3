"""For each observation, one of several distributions."""

from collections.abc import Sequence
from typing import Any, ClassVar

import torch
from pyro.distributions import Distribution, TorchDistribution, constraints
from torch import Tensor

_ONE = torch.Size()


class Selected(TorchDistribution):
    """Observation ``i`` follows the one of ``parts`` whose mask is True at ``i``.

    Every part is evaluated on every observation, with a target that is possible under it put where
    another part is meant; shapes do not depend on values.

    Parameters
    ----------
    parts
        Distributions without event axes, over all observations.
    masks
        Boolean ``[observations]``, one a part; each observation is True in exactly one.
    placeholders
        A possible target of each part.
    dtype
        Of draws.
    """

    arg_constraints: ClassVar[dict[str, Any]] = {}
    support = constraints.real
    has_rsample = False

    def __init__(
        self,
        parts: Sequence[Distribution],
        masks: Sequence[Tensor],
        placeholders: Sequence[float],
        dtype: torch.dtype,
    ) -> None:
        self.parts, self.masks, self.placeholders = tuple(parts), tuple(masks), tuple(placeholders)
        self.dtype = dtype
        super().__init__(torch.broadcast_shapes(*(p.batch_shape for p in parts)), validate_args=False)

    def expand(self, batch_shape: Sequence[int], _instance: object = None) -> "Selected":
        parts = [part.expand(batch_shape) for part in self.parts]
        return Selected(parts, self.masks, self.placeholders, self.dtype)

    def log_prob(self, value: Tensor) -> Tensor:
        terms = []
        for part, own, placeholder in zip(self.parts, self.masks, self.placeholders, strict=True):
            possible = torch.where(own, value, torch.full_like(value, placeholder))
            terms.append(part.log_prob(possible))
        return self.select(terms)

    def sample(self, sample_shape: Sequence[int] = _ONE) -> Tensor:
        draws = [part.expand(self.batch_shape).sample(sample_shape) for part in self.parts]
        return self.select([draw.to(self.dtype) for draw in draws])

    @property
    def mean(self) -> Tensor:
        return self.select([part.mean for part in self.parts])

    @property
    def variance(self) -> Tensor:
        return self.select([part.variance for part in self.parts])

    def select(self, values: Sequence[Tensor]) -> Tensor:
        """Of values ``[..., observations]``, one a part, each observation's own."""
        return select(values, self.masks)


def select(values: Sequence[Tensor], masks: Sequence[Tensor]) -> Tensor:
    """Of ``values [..., observations]``, each observation's own by ``masks [observations]``."""
    chosen = values[0]
    for value, own in zip(values[1:], masks[1:], strict=True):
        chosen = torch.where(own, value, chosen)
    return chosen
