"""Each of several posteriors with the data that it was fitted on."""

from collections.abc import Mapping

import numpy as np

from bayes_mtl._errors import InputError, InputTypeError, message
from bayes_mtl.data import TaskData
from bayes_mtl.posterior import Posterior

Fit = Posterior | tuple[Posterior, TaskData]


def compared(posteriors: Mapping[str, Fit], data: TaskData | None) -> dict[str, tuple[Posterior, TaskData]]:
    """Name -> posterior and its data.

    Raises
    ------
    InputError
        For fewer than two, for one without data, and for data with other observations than the first's.
    InputTypeError
        For posteriors without names.
    """
    remedy = "Pass {'one': posterior, 'other': posterior}, under names of your own."
    if not isinstance(posteriors, Mapping):
        found = type(posteriors).__name__
        raise InputTypeError(message("posteriors", "a dictionary of posteriors by name", found, remedy))
    if len(posteriors) < 2:
        raise InputError(message("posteriors", "at least two, by name", f"{len(posteriors)}", remedy))
    pairs: dict[str, tuple[Posterior, TaskData]] = {}
    for name, fit in posteriors.items():
        if isinstance(fit, tuple):
            pairs[name] = fit
        elif data is not None:
            pairs[name] = (fit, data)
        else:
            remedy = "Pass the data of all fits, or {name: (posterior, its data)}."
            raise InputError(message("data", f"the data of {name!r}", "none", remedy))
    (first, (_, reference)), *others = pairs.items()
    for name, (_, own) in others:
        if not _same_observations(reference, own):
            raise InputError(
                message(
                    "posteriors",
                    "fits to the same observations: targets and tasks in the same order",
                    f"others in {name!r} than in {first!r}",
                    "Make both data sets from the same rows; only their features may differ.",
                )
            )
    return pairs


def _same_observations(one: TaskData, other: TaskData) -> bool:
    if one is other:
        return True
    names = one.schema.tasks == other.schema.tasks and one.schema.classes == other.schema.classes
    return names and all(
        _same(getattr(one, column), getattr(other, column)) for column in ("task", "y", "censored", "trials")
    )


def _same(one: np.ndarray | None, other: np.ndarray | None) -> bool:
    if one is None or other is None:
        return one is other
    return np.array_equal(one, other)
