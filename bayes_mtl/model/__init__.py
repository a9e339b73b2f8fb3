"""A model for many tasks, and the Pyro program it stands for."""

from bayes_mtl.model._classes_seen import classes_seen
from bayes_mtl.model._multi_task_model import MultiTaskModel
from bayes_mtl.model._on_device import on_device
from bayes_mtl.model._program import Program
from bayes_mtl.model._task_scale import TASK_PLATES, task_scale

__all__ = ["TASK_PLATES", "MultiTaskModel", "Program", "classes_seen", "on_device", "task_scale"]
