"""Which tasks' steps help which tasks."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, ClassVar

import numpy as np
import torch
from torch import Tensor, nn

from bayes_mtl._errors import InputError, message
from bayes_mtl.data import TaskData
from bayes_mtl.inference._abstract_module_gradient import AbstractModuleGradient
from bayes_mtl.inference._evaluation import Evaluation
from bayes_mtl.inference._memory import Memory
from bayes_mtl.inference._svi import SVI
from bayes_mtl.inference._tasks import Tasks
from bayes_mtl.model import MultiTaskModel

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, eq=False)
class _LookAhead(AbstractModuleGradient):
    """The ELBO's gradient; every so many steps it looks where a step on each task would lead."""

    captured: ClassVar[bool] = False

    every: int
    found: list[Tensor] = field(default_factory=list, repr=False)

    def memory(self, tasks: Tasks) -> nn.Module:
        return Memory(step=torch.zeros(()), rate=torch.tensor(tasks.learning_rate))

    def gradients(self, evaluation: Evaluation, memory: nn.Module | None) -> Sequence[Tensor]:
        if isinstance(memory, Memory):
            if int(memory["step"]) % self.every == 0:
                self.found.append(affinity(evaluation, float(memory["rate"])).cpu())
            memory["step"].add_(1.0)
        return evaluation.pull(torch.ones_like(evaluation.nll))


def affinity(evaluation: Evaluation, rate: float) -> Tensor:
    """``[tasks, tasks]``: what a step on the first does for the loss of the second; NaN for absent ones."""
    before, present = evaluation.log_losses(), evaluation.present
    totals = evaluation.sums(torch.ones_like(evaluation.nll))
    rows = torch.full((evaluation.tasks, evaluation.tasks), torch.nan)
    for task in present.nonzero().flatten():
        own = (evaluation.batch.task == task).to(evaluation.nll.dtype) / totals[task]
        moved = [
            value - rate * step
            for value, step in zip(evaluation.parameters, evaluation.pull(own), strict=True)
        ]
        with torch.no_grad():
            after = evaluation.log_losses(evaluation.at(moved))
        # a step far too long has an affinity that is large, and still a float32
        rows[task] = torch.where(present, 1.0 - (after - before).clamp(max=80.0).exp(), torch.nan)
    return rows


def affinities(
    model: MultiTaskModel,
    data: TaskData,
    *,
    inference: SVI | None = None,
    every: int = 10,
    seed: int = 0,
) -> "pd.DataFrame":
    r"""Task affinities during a training (TAG: Fifty et al., NeurIPS 2021, equation 1).

    $Z_{ij} = 1 - L_j(\theta_i) / L_j(\theta)$, where $\theta_i$ is the network after one step of gradient
    descent on task $i$ alone, on the same batch, and $L_j$ the loss of task $j$: positive where training
    task $i$ helps task $j$. See `Evaluation.losses` for what a loss is.

    Parameters
    ----------
    model, data
        With a network that the tasks share.
    inference
        Settings of the training that is watched. Default: 500 steps.
    every
        Steps from one look to the next; each costs an evaluation of the model for every task.
    seed
        Of the training.

    Returns
    -------
    DataFrame
        ``[tasks, tasks]``, means over the looks: what a step on the row's task does for the column's.

    Raises
    ------
    InputError
        For ``every`` below 1.
    """
    import pandas as pd

    if every < 1:
        raise InputError(message("every", "at least 1", every, "Try 10."))
    settings = inference or SVI(steps=500, progress=False)
    look = _LookAhead(every)
    network = replace(settings.network, rule=look)
    replace(settings, network=network, draws=1, checkpoint=None).run(model, data, seed=seed)
    names = pd.Index(data.schema.tasks, name="step on")
    return pd.DataFrame(np.nanmean(torch.stack(look.found).numpy(), 0), names, names.rename("loss of"))
