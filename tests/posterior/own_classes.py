"""Parts as a user writes them: a prior, likelihoods and a network that the library does not know."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, ClassVar

import numpy as np
import pyro
from pyro.distributions import Distribution, HalfNormal, Normal
from torch import Tensor, nn

from bayes_mtl import TaskData
from bayes_mtl._shapes import Dims
from bayes_mtl.data import Batch
from bayes_mtl.likelihoods import AbstractLikelihood
from bayes_mtl.priors import AbstractGaussianTaskPrior, Moments


@dataclass(frozen=True)
class OwnPrior(AbstractGaussianTaskPrior):
    """Levels that a feature may take, and one scale a feature."""

    dim_names: ClassVar[Mapping[str, tuple[str, ...]]] = {"levels": ("level",)}

    number: int = 4

    def moments(self, dims: Dims) -> Moments:
        levels = pyro.sample("levels", Normal(0.0, 1.0).expand([self.number]).to_event(1))
        spread = pyro.sample("spread", HalfNormal(1.0).expand([dims.features]).to_event(1))
        mean = levels.mean(-1)[..., None, None].expand(*levels.shape[:-1], *dims.weights)
        return Moments(mean, spread.unsqueeze(-1).expand(*spread.shape[:-1], *dims.weights))


@dataclass(frozen=True)
class OwnLikelihood(AbstractLikelihood):
    """Gaussian noise with a floor that comes from the data."""

    name: ClassVar[str] = "own"

    scale: Distribution = HalfNormal(1.0)
    floor: float | None = None

    def bind(self, data: TaskData) -> "OwnLikelihood":
        return replace(self, floor=float(np.std(data.y)) / 10)

    def check_targets(self, data: TaskData) -> None:
        pass

    def working_response(self, data: TaskData) -> np.ndarray:
        return (data.y - data.y.mean())[:, None] / data.y.std()

    def parameters(self, dims: Dims) -> dict[str, Tensor]:
        return {"scale": pyro.sample("own_scale", self.scale)}

    def distribution(self, f: Tensor, batch: Batch, parameters: Mapping[str, Tensor]) -> Normal:
        return Normal(f[..., 0], parameters["scale"] + self.floor)


class OwnNetwork(nn.Module):
    """One layer."""

    out_features = 2

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(2, 2)

    def forward(self, x: Tensor, row: Any = None, task: Any = None) -> Tensor:
        h = self.layer(x).tanh()
        return h if row is None else h.index_select(-2, row)
