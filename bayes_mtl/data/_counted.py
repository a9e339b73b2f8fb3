"""Observations that count: those of weight 0 are left out of centres and scales."""

from dataclasses import replace

from bayes_mtl.data._arrange import OBSERVED
from bayes_mtl.data._task_data import TaskData


def weighted(data: TaskData) -> TaskData:
    """The data less observations of weight 0, perhaps none; rows stay where they are."""
    if data.weight is None:
        return data
    chosen = data.weight > 0
    return replace(data, **{n: getattr(data, n)[chosen] for n in OBSERVED if getattr(data, n) is not None})


def counted(data: TaskData) -> TaskData:
    """`weighted`, or all where no weight is above 0: a model of nothing has a scale all the same."""
    some = weighted(data)
    return some if len(some) else data
