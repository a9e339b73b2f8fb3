"""Whether a network fits the data, before anything is fitted."""

from typing import Any

from torch import nn

from bayes_mtl._errors import InputError, message
from bayes_mtl.data import Schema


def check_network(network: nn.Module, schema: Schema) -> None:
    """Compare the sizes that a network states with those of the data.

    Parameters
    ----------
    network
        Any module. It may state ``in_features``, ``tasks`` (where it has something of each task) and
        ``task_features`` (where it is gated on features of tasks); what it does not state, or states
        as 0, is not compared.

    Raises
    ------
    InputError
        Where a size differs.
    """
    sizes = {
        "in_features": (len(schema.features), "features of the rows (the intercept not counted)"),
        "tasks": (len(schema.tasks), "tasks"),
        "task_features": (len(schema.task_features), "features of the tasks"),
    }
    for name, (size, what) in sizes.items():
        stated: Any = getattr(network, name, None)
        if isinstance(stated, int) and stated not in (0, size):
            raise InputError(
                message(
                    f"network ({name})",
                    f"the number of {what} of the data, {size}",
                    stated,
                    f"Make {type(network).__name__} for {size}.",
                )
            )
