"""Observations that count: those of weight 0 are left out of centres and scales."""

from dataclasses import replace

from bayes_mtl._errors import InputError, message
from bayes_mtl.data._arrange import OBSERVED
from bayes_mtl.data._task_data import TaskData


def weighted(data: TaskData) -> TaskData:
    """The data less observations of weight 0, perhaps none; rows stay where they are."""
    if data.weight is None:
        return data
    chosen = data.weight > 0
    return replace(data, **{n: getattr(data, n)[chosen] for n in OBSERVED if getattr(data, n) is not None})


def counted(data: TaskData) -> TaskData:
    """`weighted`; data without any weight are refused."""
    some = weighted(data)
    require_weight(len(some) > 0 or not len(data))
    return some


def require_weight(found: bool) -> None:
    """Refuse data of which nothing counts."""
    if not found:
        raise InputError(
            message("weight", "at least one above 0", "only 0", "Weights of 0 leave observations out.")
        )
