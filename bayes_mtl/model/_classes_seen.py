"""Which classes each task has data for."""

import numpy as np
import torch
from torch import Tensor

from bayes_mtl.data import TaskData
from bayes_mtl.likelihoods import AbstractLikelihood


def classes_seen(likelihood: AbstractLikelihood, data: TaskData) -> Tensor:
    """``[tasks, classes]``; none in tasks whose targets are no classes.

    Classes are the targets of a task with several outputs, where they are whole numbers.
    """
    seen = np.array(likelihood.seen(data))
    classes = likelihood.task_outputs(data) > 1
    classes[data.task[data.y != np.floor(data.y)]] = False
    seen[~classes] = False
    return torch.as_tensor(seen)
