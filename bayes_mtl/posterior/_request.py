"""What a user asks to predict, as a batch."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch

from bayes_mtl._errors import InputError, message
from bayes_mtl.data import Batch, TaskData, full_batch
from bayes_mtl.data._columns_encoder import numeric_column
from bayes_mtl.data._names import listed
from bayes_mtl.data._require_data import require_data
from bayes_mtl.data._same_encoding import encoded_otherwise
from bayes_mtl.data._standardise import standardised_rows
from bayes_mtl.model import Program
from bayes_mtl.posterior._fitted_and_new import features_of
from bayes_mtl.posterior._row_labels import NEW, as_table, labels_of, unknown_task

COLUMNS = ("offset", "trials", "noise")


@dataclass(frozen=True, eq=False)
class Request:
    """Observations to predict.

    Attributes
    ----------
    batch
        The observations; tasks are positions in ``tasks``.
    tasks
        Names of the tasks: the fitted ones, or the new ones.
    index
        Label of each observation.
    """

    batch: Batch
    tasks: tuple[str, ...]
    index: np.ndarray


def request_of_data(
    program: Program, data: TaskData, *, new: bool | tuple[str, ...] = False, task_features: Any = None
) -> Request:
    """Observations of a data set.

    Parameters
    ----------
    new
        Whether all its tasks are new, or the names of those that are.
    task_features
        Of new tasks, where the data do not hold them.
    """
    check_features(program, data)
    _check_offset(program, data.offset)
    tasks = data.schema.tasks if new else program.schema.tasks
    same = not new and data.schema.tasks == tasks
    if same:
        # Those of the fit: data made with schema= have none of their own.
        batch = replace(full_batch(data, program.scaling), task_features=program.task_features)
    else:
        position = np.arange(len(tasks))
        if not new:
            position = program.schema.encode_tasks(np.asarray(data.schema.tasks, dtype=object), NEW)
        columns = {name: getattr(data, name) for name in COLUMNS}
        given = data.task_features if task_features is None else task_features
        names = tasks if new is True else new or ()
        features = features_of(program, tasks, names, given) if new else None
        number = len(tasks) if new else None
        x = standardised_rows(data, program.scaling, slice(None))
        batch = _batch(program, x, position[data.task], columns, data.y, number, features)
        alone = len(data.row) == len(data.x) and bool((data.row == np.arange(len(data.x))).all())
        batch = Batch(
            **{
                **batch.__dict__,
                "row": None if alone else torch.as_tensor(data.row),
                "step": None if data.step is None else torch.as_tensor(data.step),
                "length": None if data.length is None else torch.as_tensor(data.length),
                "censored": None if data.censored is None else torch.as_tensor(data.censored),
                "scale": batch.scale if data.weight is None else torch.as_tensor(data.weight).float(),
            }
        )
    return Request(batch, tasks, data.index)


def refuse_beside_data(**given: Any) -> None:
    """Refuse what a data set holds by itself."""
    for name, values in given.items():
        if values is not None:
            raise InputError(message(name, "none beside a TaskData", "one", f"Make the data with {name}=."))


def check_features(program: Program, data: TaskData) -> None:
    """Refuse data with other features, or other classes, than the fitted ones, or encoded otherwise."""
    require_data(data)
    for name in ("features", "fixed", "intercept", "classes"):
        fitted, found = getattr(program.schema, name), getattr(data.schema, name)
        if fitted != found:
            raise InputError(
                message(
                    f"data ({name})",
                    f"those of the fitted data, {fitted!r}",
                    repr(found),
                    "Make the data with the same columns and options.",
                )
            )
    otherwise = encoded_otherwise(program.schema.encoder, data.schema.encoder)
    if otherwise:
        raise InputError(
            message(
                "data (formula)",
                "columns encoded as the fitted ones were",
                f"{listed(otherwise)} with levels, knots or means of these rows",
                "Make the data by TaskData.from_frame(..., schema=posterior.program.schema), which is the "
                "schema of the fitted data, with .with_tasks(names) where tasks are new; "
                "or pass predict the frame.",
            )
        )


def _check_offset(program: Program, given: Any) -> None:
    """Refuse to take the offset for 0 where the fit had one: predictions would be of another exposure."""
    if program.offset and given is None:
        raise InputError(
            message(
                "offset",
                "that of each row, as in the fitted data",
                "none",
                "Pass it, or offset=0 for rates without exposure (a TaskData has it from when it is made).",
            )
        )


def request_of_rows(
    program: Program,
    rows: Any,
    task: Any,
    columns: Mapping[str, Any],
    new: tuple[str, ...] | None,
    task_features: Any = None,
) -> Request:
    """Rows of a frame or an array with a task each.

    Parameters
    ----------
    task
        A label for all rows, a label a row, or the name of a column of the frame.
    columns
        Of offset, trials and noise: a number for all rows, one a row, or the name of a column of the frame.
    new
        Names of the tasks that were not fitted, where rows belong to such.
    task_features
        Of these.
    """
    rows = as_table(rows)
    columns = {name: _by_name(rows, values, name) for name, values in columns.items()}
    _check_offset(program, columns.get("offset"))
    x = program.schema.encode(rows)
    labels = labels_of(rows, task)
    if not new:
        position, tasks = program.schema.encode_tasks(labels, unknown_task(rows, task)), program.schema.tasks
    else:
        tasks = tuple(dict.fromkeys(labels))
        place = {name: i for i, name in enumerate(tasks)}
        position = np.array([place[label] for label in labels], dtype=np.int64)
    standard = (x - program.scaling.x_mean) / program.scaling.x_sd
    features = features_of(program, tasks, new, task_features) if new else None
    batch = _batch(program, standard, position, columns, None, len(tasks) if new else None, features)
    index = (
        np.asarray(rows.index) if hasattr(rows, "index") and hasattr(rows, "columns") else np.arange(len(x))
    )
    return Request(batch, tasks, index)


def _by_name(rows: Any, values: Any, argument: str) -> Any:
    """A column of the frame by its name; what has no name as it is."""
    if not isinstance(values, str):
        return values
    if not hasattr(rows, "columns"):
        raise InputError(message(argument, "numbers beside an array", repr(values), "Pass its values."))
    return numeric_column(rows, values, argument)


def _batch(
    program: Program,
    x: np.ndarray,
    position: np.ndarray,
    columns: Mapping[str, Any],
    y: np.ndarray | None,
    new_tasks: int | None = None,
    new_features: torch.Tensor | None = None,
) -> Batch:
    scaling, width = program.scaling, len(program.schema.features)
    standard = torch.as_tensor(x).float()
    shift, spread = torch.as_tensor(scaling.shift).float(), torch.as_tensor(scaling.spread).float()
    if new_tasks is not None:
        shift, spread = shift[:1].expand(new_tasks, -1), spread[:1].expand(new_tasks, -1)
    number = len(position)
    given = {name: _column(name, values, number) for name, values in columns.items() if values is not None}
    return Batch(
        x=standard[..., :width],
        fixed=standard[..., width:] if program.schema.fixed else None,
        task=torch.as_tensor(position),
        scale=torch.ones(number),
        shift=shift,
        spread=spread,
        y=None if y is None else torch.as_tensor(y).float(),
        task_features=program.task_features if new_tasks is None else new_features,
        intercept=program.schema.intercept,
        **given,
    )


def _column(name: str, values: Any, number: int) -> torch.Tensor:
    column = (
        np.broadcast_to(np.asarray(values, dtype=np.float64), (number,)) if np.ndim(values) == 0 else values
    )
    column = np.asarray(column, dtype=np.float64)
    if column.shape != (number,) or not np.isfinite(column).all():
        raise InputError(
            message(name, f"{number} finite numbers, or one", f"shape {column.shape}", "Give each row one.")
        )
    return torch.as_tensor(column.copy()).float()
