"""Stand-in for a user's own prior in a posterior that was loaded without it."""

from collections.abc import Mapping

from torch import Tensor

from bayes_mtl._shapes import Dims
from bayes_mtl.posterior._lacking import lacking
from bayes_mtl.priors import AbstractTaskPrior


class MissingPrior(AbstractTaskPrior):
    """A prior that is not the library's own: its draws are there, and its names, but not its program.

    Parameters
    ----------
    part
        Name of the class.
    dim_names
        As the class has them.
    """

    def __init__(self, part: str, dim_names: Mapping[str, tuple[str, ...]]) -> None:
        self.part = part
        self.dim_names = dim_names  # type: ignore[misc]  # of one instance: every file has its own

    def weights(self, dims: Dims) -> Tensor:
        lacking(self.part)

    def new_weights(self, dims: Dims) -> Tensor:
        lacking(self.part)

    def relatedness(self, draws: Mapping[str, Tensor], dims: Dims) -> Tensor:
        lacking(self.part)
