"""From sequences and their targets to the fields of TaskData."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from bayes_mtl._errors import InputError, message
from bayes_mtl.data._arrange import arrange
from bayes_mtl.data._arrays_parts import as_rows
from bayes_mtl.data._assemble import Options, assemble
from bayes_mtl.data._dataset_rows import Rows
from bayes_mtl.data._encoder import Encoder
from bayes_mtl.data._names import listed, suggestion
from bayes_mtl.data._schema import Schema
from bayes_mtl.data._sequence_inputs import SequenceInputs
from bayes_mtl.data._sequence_targets import SequenceTargets
from bayes_mtl.data._task_features import as_task_features


def sequence_parts(
    inputs: SequenceInputs, targets: SequenceTargets, options: Options, schema: Schema | None
) -> dict[str, Any]:
    """Check what is left and return the fields of TaskData.

    Parameters
    ----------
    inputs, targets
        Padded and named; every target an observation.
    options
        What the user says of features.
    schema
        That of earlier data, whose tasks and features these must be; else None.
    """
    x, names = as_rows(inputs.x, inputs.names)
    observations = {
        "row": targets.row,
        "step": targets.step,
        "y": targets.y,
        "index": targets.row,
        "task": targets.task,
        "length": inputs.length,
        **targets.columns,
    }
    if not len(targets.y):
        raise InputError(message("targets", "at least one", "only NaN", "Pass some that are known."))
    if schema is not None:
        return _known(x, names, targets, observations, schema, options)
    empty = np.bincount(targets.task, minlength=len(targets.tasks)) == 0
    if empty.any():
        without = [name for name, none in zip(targets.tasks, empty, strict=True) if none]
        raise InputError(
            message(
                "targets",
                "at least one that is not NaN in every task",
                f"none in {listed(without)}",
                "Leave these tasks out; with schema= a task may have none.",
            )
        )
    parts = assemble(
        options,
        x=x,
        encoder=Encoder(names),
        terms={},
        tasks=targets.tasks,
        task_features=as_task_features(options.task_features, targets.tasks),
        classes=(),
        target="y",
        observations=observations,
    )
    own = replace(parts["schema"], task_groups=targets.groups, fill=inputs.fill)
    return {**parts, "schema": own}


def _known(
    x: Rows,
    names: Sequence[str],
    targets: SequenceTargets,
    observations: Mapping[str, np.ndarray | None],
    schema: Schema,
    options: Options,
) -> dict[str, Any]:
    """Fields of new data for the tasks and features of earlier data."""
    described = (options.varying, options.groups, options.task_features)
    if any(given is not None for given in described):
        raise InputError(
            message("schema", "neither varying, groups nor task_features", "some", "The schema says them.")
        )
    if set(names) != set(schema.columns):
        other = sorted(set(names) ^ set(schema.columns))
        raise InputError(
            message(
                "x",
                f"the features of the schema ({listed(schema.columns)})",
                f"{listed(other)} in one of them only",
                "Make the data with the same columns and options.",
            )
        )
    for name in targets.tasks:
        if name not in schema.tasks:
            expected = f"tasks of the schema ({listed(schema.tasks)})"
            remedy = f"{suggestion(name, schema.tasks)}Leave it out."
            raise InputError(message("targets", expected, repr(name), remedy))
    place = np.array([schema.tasks.index(name) for name in targets.tasks], dtype=np.int64)
    order = [list(names).index(name) for name in schema.columns]
    ordered = x if order == list(range(len(order))) else np.ascontiguousarray(x[..., order])
    return arrange({"x": ordered, "schema": schema, **observations, "task": place[targets.task]})
