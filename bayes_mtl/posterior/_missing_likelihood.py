"""Stand-in for a user's own likelihood in a posterior that was loaded without it."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from pyro.distributions import Distribution
from torch import Tensor

from bayes_mtl._shapes import Dims
from bayes_mtl.data import Batch, TaskData
from bayes_mtl.likelihoods import AbstractLikelihood
from bayes_mtl.posterior._lacking import lacking


@dataclass(frozen=True)
class MissingLikelihood(AbstractLikelihood):
    """A likelihood that is not the library's own: the draws of its sites are there, nothing else.

    Parameters
    ----------
    part
        Name of the class.
    sites
        Names of its sites.
    """

    part: str
    sites: tuple[str, ...] = ()

    def check_targets(self, data: TaskData) -> None:
        lacking(self.part)

    def working_response(self, data: TaskData) -> np.ndarray:
        lacking(self.part)

    def parameters(self, dims: Dims) -> dict[str, Tensor]:
        lacking(self.part)

    def distribution(self, f: Tensor, batch: Batch, parameters: Mapping[str, Tensor]) -> Distribution:
        lacking(self.part)
