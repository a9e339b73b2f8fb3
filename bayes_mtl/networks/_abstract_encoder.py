"""Networks that look at inputs alone: a shared bottom, or an expert of a mixture."""

from abc import ABC, abstractmethod

from torch import Tensor, nn

from bayes_mtl._errors import InputError, message
from bayes_mtl.networks._places import at_observations


class AbstractEncoder(nn.Module, ABC):
    """Features of rows, the same for all tasks.

    As a model's network it is the shared bottom of multi-task learning: the tasks' weights are the heads. As
    an expert of another network it is called with rows alone, ``expert(x)``.

    Attributes
    ----------
    in_features
        Number of features of the data (the intercept not counted).
    out_features
        Width of the output.
    settings
        The constructor's arguments, which rebuild it from a file.
    """

    in_features: int
    out_features: int
    settings: dict[str, object]

    @abstractmethod
    def encode(self, x: Tensor) -> Tensor:
        """Features of each row, ``[rows, out_features]``, or of each of its steps.

        Parameters
        ----------
        x
            ``[rows, in_features]``, or ``[rows, steps, in_features]``. The features at a step depend on this
            and earlier steps alone, so that what stands behind a row's end never matters.
        """

    def forward(
        self,
        x: Tensor,
        row: Tensor | None = None,
        task: Tensor | None = None,
        step: Tensor | None = None,
        length: Tensor | None = None,
    ) -> Tensor:
        """Features of each observation, ``[observations, out_features]``.

        Parameters
        ----------
        x
            ``[rows, in_features]`` or ``[rows, steps, in_features]``, each row once.
        row
            ``[observations]``: row of each observation; None where observation ``i`` is row ``i``.
        task, length
            Not used: every task sees the same features, and nothing looks ahead.
        step
            ``[observations]``: step of each observation. None for rows without steps; for sequences it
            leaves all steps in place.
        """
        return at_observations(self.encode(x), row, step)


def check_sizes(**sizes: int) -> None:
    """Refuse sizes below 1.

    Raises
    ------
    InputError
        With all of them.
    """
    if min(sizes.values()) < 1:
        raise InputError(
            message(", ".join(sizes), "positive sizes", tuple(sizes.values()), "Raise what is below 1.")
        )


def check_sequences(x: Tensor, name: str) -> None:
    """Refuse rows without steps.

    Raises
    ------
    InputError
        Where ``x`` is not ``[rows, steps, features]``.
    """
    if x.dim() != 3:
        raise InputError(
            message(
                name,
                "sequences [rows, steps, features]",
                f"the shape {tuple(x.shape)}",
                "Make the data with TaskData.from_sequences, or use MLP for rows without steps.",
            )
        )
