"""Networks whose features are random."""

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, ClassVar

from torch import Tensor

from bayes_mtl.networks._abstract_objective_network import AbstractObjectiveNetwork

if TYPE_CHECKING:
    from typing import Self

    from bayes_mtl.data import Batch, TaskData


class AbstractStochasticNetwork(AbstractObjectiveNetwork):
    """A network with a distribution of features for each observation.

    In training `objective` draws them and charges their divergence; ``forward`` returns their mean, without
    random numbers; predictions average over draws of them, one for each draw of the weights. The draws are
    not kept: there are as many as observations. Only `SVI` fits such a network.
    """

    only_svi: ClassVar[str] = "its features are drawn from an encoder that is trained by the evidence bound"
    """Why no other inference fits, as the end of a sentence."""

    dim_names: ClassVar[Mapping[str, tuple[str, ...]]] = {}
    """Names of the axes of what `derive` returns."""

    def bind(self, data: "TaskData", seen: Tensor) -> "Self":
        """The same network with what it must know of the data filled in; the default changes nothing.

        Parameters
        ----------
        data
            What the model is to be fitted to.
        seen
            ``[tasks, classes]``: which classes each task has data for; none where its targets are no classes.
        """
        return self

    def with_tasks(self, data: "TaskData", seen: Tensor) -> "Self":
        """A copy for `adapt` with new tasks behind the fitted ones, of which only what is theirs is trained.

        Parameters
        ----------
        data
            Rows of the new tasks.
        seen
            ``[new tasks, classes]``, as for `bind`.
        """
        return self

    @abstractmethod
    def draw(self, batch: "Batch", shape: Sequence[int]) -> Tensor:
        """Features without knowing targets, ``[*shape, observations, out_features]``, drawn by torch."""

    def derive(self, number: int) -> dict[str, Tensor]:
        """Quantities worth keeping in the posterior, ``[number, tasks or 1, ...]`` each; none by default."""
        return {}
