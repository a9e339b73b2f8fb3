"""What a network must offer for its experts and gates to be looked at."""

from collections.abc import Iterator
from typing import Protocol, runtime_checkable

import torch
from torch import Tensor

from bayes_mtl._errors import UnsupportedError
from bayes_mtl.data import Batch, TaskData
from bayes_mtl.posterior import Posterior
from bayes_mtl.posterior._request import request_of_data

_ROWS = 1024


@runtime_checkable
class MixtureNetwork(Protocol):
    """A network whose features are mixtures of experts, whatever its class."""

    def gates(self, x: Tensor, row: Tensor | None, task: Tensor, step: Tensor | None = None) -> Tensor:
        """Weight of each expert for each observation, ``[observations, experts]``."""
        ...

    def expert_outputs(self, x: Tensor, task: Tensor | None = None) -> Tensor:
        """Outputs of all experts, ``[rows, (steps,) experts, features]``."""
        ...


def mixture(posterior: Posterior) -> MixtureNetwork:
    """The network of a posterior.

    Raises
    ------
    UnsupportedError
        Where it has no experts and gates.
    """
    network = posterior.program.network
    if not isinstance(network, MixtureNetwork):
        name = "A model without a network" if network is None else type(network).__name__
        raise UnsupportedError(
            f"{name} has no experts "
            "and gates to look at. Use a mixture such as networks.MMoE, or give your network the methods "
            "gates(x, row, task, step) and expert_outputs(x, task)."
        )
    return network


def parts(posterior: Posterior, data: TaskData) -> Iterator[Batch]:
    """All observations in parts of some rows each, standardised as the network knows them."""
    batch = request_of_data(posterior.program, data).batch
    row = torch.arange(batch.observations) if batch.row is None else batch.row
    order = row.argsort(stable=True)
    block = torch.unique_consecutive(row[order] // _ROWS, return_counts=True)[1]
    for index in order.split(block.tolist()):
        yield batch.part(index)


def mean_by_task(posterior: Posterior, data: TaskData, entropy: bool = False) -> Tensor:
    """Mean over each task's observations of its gates, or of their entropy.

    Returns
    -------
    Tensor
        ``[tasks, experts]`` (``[tasks, 1]`` for the entropy) float64, NaN for a task without an observation.
    """
    network, tasks = mixture(posterior), len(posterior.tasks)
    total, count = torch.zeros(tasks, 1, dtype=torch.float64), torch.zeros(tasks, 1, dtype=torch.float64)
    with torch.no_grad():
        for part in parts(posterior, data):
            gates = network.gates(part.x, part.row, part.task, part.steps_of_observations()).double()
            values = torch.special.entr(gates).sum(-1, keepdim=True) if entropy else gates
            if total.shape[1] != values.shape[1]:
                total = torch.zeros(tasks, values.shape[1], dtype=torch.float64)
            total.index_add_(0, part.task, values)
            count.index_add_(0, part.task, torch.ones(len(part.task), 1, dtype=torch.float64))
    return total / count
