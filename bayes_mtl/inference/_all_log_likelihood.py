"""Log-likelihood of all data at every draw."""

import numpy as np
import torch
from torch import Tensor

from bayes_mtl.data import TaskData
from bayes_mtl.model import Program
from bayes_mtl.posterior import Posterior, total_log_likelihood

_PART = 65_536


def all_log_likelihood(program: Program, posterior: Posterior, data: TaskData) -> Tensor:
    """``[draws]``, part by part: memory-mapped inputs are never read whole."""
    total = torch.zeros(posterior.number)
    for start in range(0, len(data), _PART):
        part = data.subset(np.arange(start, min(start + _PART, len(data))))
        total = total + total_log_likelihood(program, posterior.draws, program.batch(part))
    return total
