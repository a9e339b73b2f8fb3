"""Rows, observations and tasks; their scaling, batches and sufficient statistics."""

from bayes_mtl.data._abstract_schedule import AbstractSchedule
from bayes_mtl.data._abstract_task_data import AbstractTaskData
from bayes_mtl.data._batch import Batch
from bayes_mtl.data._by_gap import ByGap
from bayes_mtl.data._full_batch import full_batch
from bayes_mtl.data._gram import gram
from bayes_mtl.data._minibatches import Minibatches
from bayes_mtl.data._round_robin import RoundRobin
from bayes_mtl.data._scaling import Scaling
from bayes_mtl.data._schema import Schema
from bayes_mtl.data._share import Share
from bayes_mtl.data._statistics import Statistics
from bayes_mtl.data._task_data import TaskData
from bayes_mtl.data._task_table import TaskTable

__all__ = [
    "AbstractSchedule",
    "AbstractTaskData",
    "Batch",
    "ByGap",
    "Minibatches",
    "RoundRobin",
    "Scaling",
    "Schema",
    "Share",
    "Statistics",
    "TaskData",
    "TaskTable",
    "full_batch",
    "gram",
]
