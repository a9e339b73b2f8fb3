"""Stand-ins for a user's own parts in a posterior that was loaded without them."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NoReturn

import numpy as np
from torch import Tensor, nn

from bayes_mtl._errors import UnsupportedError
from bayes_mtl._shapes import Dims
from bayes_mtl.data import Batch, TaskData
from bayes_mtl.likelihoods import AbstractLikelihood
from bayes_mtl.priors import AbstractTaskPrior


def _lacking(name: str) -> NoReturn:
    raise UnsupportedError(
        f"This posterior was saved with your own class {name}, which a file cannot hold. "
        "Load it with load(path, model=...), giving the model it was fitted with."
    )


@dataclass(frozen=True)
class MissingPrior(AbstractTaskPrior):
    """A prior that is not the library's own."""

    part: str

    def weights(self, dims: Dims) -> Tensor:
        _lacking(self.part)

    def new_weights(self, dims: Dims) -> Tensor:
        _lacking(self.part)

    def relatedness(self, draws: Mapping[str, Tensor], dims: Dims) -> Tensor:
        _lacking(self.part)


@dataclass(frozen=True)
class MissingLikelihood(AbstractLikelihood):
    """A likelihood that is not the library's own."""

    part: str

    def check_targets(self, data: TaskData) -> None:
        _lacking(self.part)

    def working_response(self, data: TaskData) -> np.ndarray:
        _lacking(self.part)

    def parameters(self, dims: Dims) -> dict[str, Tensor]:
        _lacking(self.part)

    def distribution(self, f: Tensor, batch: Batch, parameters: Mapping[str, Tensor]) -> Any:
        _lacking(self.part)


class MissingNetwork(nn.Module):
    """A network that is not the library's own."""

    def __init__(self, part: str, out_features: int) -> None:
        super().__init__()
        self.part, self.out_features = part, out_features

    def forward(self, *arguments: Any) -> Tensor:
        _lacking(self.part)
