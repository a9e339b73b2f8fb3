"""What every prior over the weights of all tasks says of itself."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import TYPE_CHECKING, ClassVar

from torch import Tensor

from bayes_mtl._errors import UnsupportedError
from bayes_mtl._shapes import Dims

if TYPE_CHECKING:
    from typing import Self

    from bayes_mtl.data import TaskData
    from bayes_mtl.priors._estimates import Estimates


class AbstractTaskPrior(ABC):
    """A Pyro program that returns the weights of all tasks.

    A prior is a frozen dataclass whose fields are settings and hyperpriors. It never sees data,
    except through `bind`.
    """

    dim_names: ClassVar[Mapping[str, tuple[str, ...]]] = {}
    """Names of the axes of sites whose sizes do not tell them, e.g. ``{"means": ("cluster", ...)}``.

    Axes that grow with the number of tasks, features or outputs are recognised without it.
    """

    related_by: ClassVar[str] = "cosine of the deviations from the average task"
    """What `relatedness` measures, in a few words; say it wherever you redefine that."""

    def bind(self, data: "TaskData") -> "Self":
        """The same prior with what it must know of the data filled in; the default changes nothing."""
        return self

    @abstractmethod
    def weights(self, dims: Dims) -> Tensor:
        """Sample the weights of all tasks.

        Parameters
        ----------
        dims
            Sizes; ``with dims.plate():`` wraps what is sampled for each task.

        Returns
        -------
        Tensor
            ``[..., tasks, features, outputs]``; leading axes are particles.
        """

    def new_weights(self, dims: Dims) -> Tensor:
        """Sample weights of tasks that were not fitted, given the hyperparameters.

        Called with the hyperparameters conditioned on posterior draws and ``dims`` describing the
        new tasks.

        Raises
        ------
        UnsupportedError
            Where the prior says nothing about a task that was not fitted.
        """
        raise UnsupportedError(
            f"{type(self).__name__} says nothing about a task that was not fitted. "
            "Define new_weights in the prior, or fit again with the new task's rows."
        )

    def initialise(self, estimates: "Estimates", dims: Dims) -> dict[str, Tensor]:
        """Starting values of latent sites; the default has none.

        Parameters
        ----------
        estimates
            Ridge estimates of every task's weights, and one Gaussian population fitted to the tasks.
        """
        return {}

    def relatedness(self, draws: Mapping[str, Tensor], dims: Dims) -> Tensor:
        """How alike tasks are, ``[draws, tasks, tasks]``.

        The default is the cosine between the tasks' deviations from the average task: 1 for tasks
        that differ from the rest in the same direction, 0 for unrelated ones.

        Parameters
        ----------
        draws
            Posterior draws of the prior's sites and of ``weights``
            (``[draws, tasks, features, outputs]``, standardised).
        """
        deviation = draws["weights"] - draws["weights"].mean(-3, keepdim=True)
        deviation = deviation.flatten(-2)
        length = deviation.norm(dim=-1, keepdim=True).clamp_min(1e-12)
        deviation = deviation / length
        return deviation @ deviation.mT

    def derive(self, draws: Mapping[str, Tensor], dims: Dims) -> dict[str, Tensor]:
        """Quantities worth keeping beside the prior's sites, from all draws at once; none by default."""
        return {}

    def align(self, draws: Mapping[str, Tensor], dims: Dims) -> dict[str, Tensor]:
        """Draws with arbitrary labels made comparable (label switching); unchanged by default.

        Parameters
        ----------
        draws
            As in `relatedness`; every site must come back, with the same shape.
        """
        return dict(draws)
