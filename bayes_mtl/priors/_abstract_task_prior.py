"""What every prior over the weights of all tasks says of itself."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, ClassVar

from torch import Tensor, nn

from bayes_mtl._errors import UnsupportedError
from bayes_mtl._shapes import Dims
from bayes_mtl.priors._cosines import cosines

if TYPE_CHECKING:
    from typing import Self

    from bayes_mtl.data import Batch, TaskData
    from bayes_mtl.priors._estimates import Estimates


class AbstractTaskPrior(ABC):
    """A Pyro program that returns the weights of all tasks.

    A prior is a frozen dataclass whose fields are settings and hyperpriors. It never sees data,
    except through `bind`.

    Most priors define `weights` alone (or the moments of an `AbstractGaussianTaskPrior`). Three hooks are for
    priors that are more than their sites: `state` makes a module for what is neither a setting nor sampled
    (parameters are trained with the rest; buffers and parameters are in checkpoints and files, and the prior
    finds them in ``dims.state``); `guide` makes a guide for the prior's own sites, which `SVI` then puts
    beside its own for all others; and the guide's ``after_step()``, where it has one, is called after every
    step of the training, to refresh the state, say. A prior whose program is no fixed joint distribution says
    why in ``only_svi``.
    """

    only_svi: ClassVar[str] = ""
    """Why no inference but `SVI` fits this prior, as the end of a sentence; empty where any does."""

    dim_names: ClassVar[Mapping[str, tuple[str, ...]]] = {}
    """Names of the axes of sites whose sizes do not tell them, e.g. ``{"means": ("cluster", ...)}``.

    Axes that grow with the number of tasks, features or outputs are recognised without it.
    """

    related_by: ClassVar[str] = "cosine of the deviations from the average task"
    """What `relatedness` measures, in a few words; say it wherever you redefine that."""

    def bind(self, data: "TaskData") -> "Self":
        """The same prior with what it must know of the data filled in; the default changes nothing."""
        return self

    def state(self, dims: Dims) -> nn.Module | None:
        """What the program keeps for this prior outside of its sites; nothing by default.

        Called once for each kind of tasks (there is one but for `Mixed` likelihoods). Sizes of its tensors
        must follow from ``dims`` and the settings alone: a file holds the numbers, not the module.
        """
        return None

    def extended_state(self, dims: Dims, new: Dims) -> nn.Module | None:
        """The state with new tasks behind the fitted ones, for `adapt` by the prior's own guide.

        A guide of that state leaves the fitted tasks as they are. None: `adapt` takes the other way, which
        needs an `AbstractGaussianTaskPrior`.

        Parameters
        ----------
        dims
            Sizes and state of the fitted tasks.
        new
            Sizes of the new ones, with the outputs that they have data for.
        """
        return None

    def guide(
        self, dims: Dims, values: Mapping[str, Tensor], design: "Callable[[Batch], Tensor]"
    ) -> nn.Module | None:
        """A guide for sites of this prior, called with the batch; None leaves them to the inference.

        Parameters
        ----------
        dims
            Sizes, and the prior's state, of one kind of tasks.
        values
            Starting values, as `initialise` gave them.
        design
            What the weights multiply, ``[observations, features]``, of a batch: for guides that read it.
        """
        return None

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
        new tasks. A site ``fitted_weights``, sampled here outside of the plate, is conditioned on the
        weights of the fitted tasks, ``[tasks, features, outputs]``; and so with ``fitted_`` before the
        name of any other site of the fitted tasks.

        Raises
        ------
        UnsupportedError
            Where the prior says nothing about a task that was not fitted.
        """
        raise UnsupportedError(
            f"{type(self).__name__} says nothing about a task that was not fitted. "
            "Define new_weights in the prior, or fit again with the new task's rows."
        )

    def with_new_task(
        self, draws: Mapping[str, Tensor], new: Mapping[str, Tensor]
    ) -> "tuple[Self, dict[str, Tensor]]":
        """The prior and its draws once a task was added to those fitted; by default both stay as they are.

        Parameters
        ----------
        draws
            Posterior draws of sites that do not belong to single tasks.
        new
            Draws of the sites of the new task, ``[draws, 1, *event]``.
        """
        return self, dict(draws)

    def initialise(self, estimates: "Estimates", dims: Dims) -> dict[str, Tensor]:
        """Starting values of latent sites; the default has none.

        Parameters
        ----------
        estimates
            Ridge estimates of every task's weights, and one Gaussian population fitted to the tasks.
        dims
            Sizes of the data.
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
        dims
            Sizes of the data.
        """
        return cosines(draws["weights"] - draws["weights"].mean(-3, keepdim=True))

    def related_among(self, draws: Mapping[str, Tensor], dims: Dims, tasks: Tensor) -> Tensor:
        """`relatedness` of some tasks, by position: ``[draws, some tasks, some tasks]``.

        For priors that need not relate all tasks for it; taken only beside the `relatedness` it belongs to.
        """
        return self.relatedness(draws, dims)[:, tasks][..., tasks]

    def derive(self, draws: Mapping[str, Tensor], dims: Dims) -> dict[str, Tensor]:
        """Quantities worth keeping beside the prior's sites, from all draws at once; none by default."""
        return {}

    def align(self, draws: Mapping[str, Tensor], dims: Dims) -> dict[str, Tensor]:
        """Draws with arbitrary labels made comparable (label switching); unchanged by default.

        Parameters
        ----------
        draws
            As in `relatedness`; every site must come back, with the same shape.
        dims
            Sizes of the data.
        """
        return dict(draws)
