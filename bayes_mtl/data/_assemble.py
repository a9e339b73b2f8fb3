"""The last steps that all constructors of TaskData share."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from bayes_mtl._errors import InputError, InputTypeError, message
from bayes_mtl.data._arrange import arrange
from bayes_mtl.data._dataset_rows import DatasetRows, Rows
from bayes_mtl.data._encoder import Encoder
from bayes_mtl.data._features import Terms, assign_groups, split_features
from bayes_mtl.data._names import listed
from bayes_mtl.data._observed import observed_columns
from bayes_mtl.data._schema import Schema


@dataclass(frozen=True)
class Options:
    """What the user says of features and observations, whatever the form of the data.

    Attributes
    ----------
    varying, groups, task_features, intercept
        As in `TaskData.from_arrays`.
    observed
        The optional columns of observations, by name.
    """

    varying: Sequence[str] | None
    groups: Mapping[str, str | Sequence[str]] | None
    task_features: Any
    intercept: bool
    observed: Mapping[str, Any]

    def __post_init__(self) -> None:
        if not isinstance(self.intercept, (bool, np.bool_)):
            raise InputTypeError(
                message("intercept", "True or False", repr(self.intercept), "Use one of them.")
            )


def assemble(
    options: Options,
    *,
    x: Rows,
    encoder: Encoder,
    terms: Terms,
    tasks: tuple[str, ...],
    task_features: tuple[np.ndarray | None, tuple[str, ...]],
    classes: tuple[str, ...],
    ordered: bool = True,
    target: str,
    task: str = "",
    observations: Mapping[str, np.ndarray | None],
) -> dict[str, Any]:
    """Fields of TaskData from checked parts.

    Parameters
    ----------
    options
        Which features vary, their groups; the optional columns, as arrays.
    x
        ``[rows, (steps,) features]``, columns as ``encoder.names``.
    encoder
        How new rows become columns.
    terms
        Columns that each term of a formula became.
    tasks, classes, target, task
        Names; of the column of tasks, where there was one.
    task_features
        Values and names.
    ordered
        Whether the order of the classes was given.
    observations
        ``row``, ``step``, ``task``, ``y`` and ``index``; the optional columns where they are
        checked already.
    """
    names = encoder.names
    if options.intercept and "Intercept" in names:
        # not in Schema: files in which both were named so are still read
        remedy = "Set intercept=False to keep your own column, leave it out, or rename it."
        raise InputError(message("x", "names other than 'Intercept', which is added", "it", remedy))
    features, fixed = split_features(names, options.varying, terms)
    plain = encoder.formula is None and names == features + fixed
    schema = Schema(
        tasks=tasks,
        features=features,
        fixed=fixed,
        intercept=bool(options.intercept),
        groups=assign_groups(features, fixed, options.groups, terms),
        task_features=task_features[1],
        classes=classes,
        target=target,
        task=task,
        encoder=None if plain else encoder,
        ordered=ordered,
    )
    y = observations["y"]
    columns = observed_columns(options.observed, np.zeros(0) if y is None else y)
    columns = {**columns, **observations}
    return arrange(
        {
            "x": _order_columns(x, names, schema.columns),
            "schema": schema,
            "task_features": task_features[0],
            **columns,
        }
    )


def _order_columns(x: Rows, names: tuple[str, ...], columns: tuple[str, ...]) -> Rows:
    """Columns in the order of the schema; a memory map must have that order already."""
    if names == columns:
        return x
    if isinstance(x, (DatasetRows, np.memmap)):
        raise InputError(
            message(
                "varying",
                "an x outside of memory whose fixed features are its last columns",
                f"the order {listed(names)}",
                "Write the file with the fixed features last, or load it into memory.",
            )
        )
    return np.ascontiguousarray(x[..., [names.index(name) for name in columns]])
