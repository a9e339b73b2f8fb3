"""Parameters of a likelihood: one for all tasks, or one for each."""

import pyro
from pyro.distributions import Distribution
from torch import Tensor

from bayes_mtl._shapes import Dims


def sample_parameter(site: str, prior: Distribution, sharing: str, dims: Dims) -> Tensor:
    """Sample one value (``sharing="shared"``) or, in the plate of tasks, one a task (``"task"``)."""
    if sharing == "shared":
        return pyro.sample(site, prior)
    with dims.plate():
        return pyro.sample(site, prior)
