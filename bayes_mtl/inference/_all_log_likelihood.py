"""Log-likelihood of all data at every draw."""

import numpy as np
import torch
from torch import Tensor

from bayes_mtl.data import Share, TaskData
from bayes_mtl.data._share import WHOLE
from bayes_mtl.model import Program
from bayes_mtl.posterior import Posterior, total_log_likelihood

_PART = 65_536


def all_log_likelihood(
    program: Program, posterior: Posterior, data: TaskData, share: Share = WHOLE
) -> Tensor:
    """``[draws]``, part by part: memory-mapped inputs are never read whole. Of a share of the parts only."""
    total = torch.zeros(posterior.number)
    size = min(_PART, share.length(len(data)))
    for start in range(share.rank * size, len(data), share.size * size):
        part = data.subset(np.arange(start, min(start + size, len(data))))
        total = total + total_log_likelihood(program, posterior.draws, program.batch(part))
    return total
