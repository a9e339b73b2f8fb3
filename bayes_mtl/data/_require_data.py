"""Data where data are asked for."""

from typing import Any

from bayes_mtl._errors import InputTypeError, message
from bayes_mtl.data._abstract_task_data import AbstractTaskData
from bayes_mtl.data._task_table import TaskTable


def require_data(data: Any) -> None:
    """Refuse a frame, an array, or both parts of a split in place of data.

    Raises
    ------
    InputTypeError
        For anything but a `TaskData` or a `TaskTable`.
    """
    if isinstance(data, (AbstractTaskData, TaskTable)):
        return
    if isinstance(data, tuple) and any(isinstance(part, AbstractTaskData) for part in data):
        remedy = "Take one part of it: train, test = data.split()."
    else:
        remedy = (
            "Make one: TaskData.from_frame(frame, y=..., task=..., x=[...]); for a model that is fitted, "
            "TaskData.from_frame(frame, schema=posterior.program.schema)."
        )
    raise InputTypeError(message("data", "a TaskData", type(data).__name__, remedy))
