"""Starting values of a program's sites."""

from collections.abc import Sequence
from dataclasses import fields

import numpy as np
import torch
from torch import Tensor

from bayes_mtl.data import Statistics, TaskData, gram
from bayes_mtl.inference._frozen_design import frozen_design, is_trained
from bayes_mtl.inference._population import population, ridge
from bayes_mtl.model import Program
from bayes_mtl.networks import AbstractRandomNetwork
from bayes_mtl.priors import Estimates

_LARGEST = 500_000_000
"""Numbers in the products of all tasks' designs beyond which a fit starts without estimates: 4 GB."""


def start_values(program: Program, data: TaskData) -> dict[str, Tensor]:
    """What the prior makes of estimates from each task's working response, by full site name.

    With a network, whose features are still to be learned, only what the network says of its own sites; none
    where the products of the designs would be too large to keep.
    """
    if isinstance(program.network, AbstractRandomNetwork):
        return program.network.start()
    sums = response_sums(program, data)
    return {} if sums is None else start_from(program, sums)


def response_sums(program: Program, data: TaskData) -> list[Statistics] | None:
    """Sums over each task's rows, with the working response of each output; None where there can be none."""
    if is_trained(program) or (program.network is None and data.x.ndim == 3 and data.step is None):
        return None
    response = _on_scale(program, data)
    design = frozen_design(program, data)
    width = design(slice(0, 1)).shape[-1] if design is not None else len(program.features)
    if max(len(data.schema.tasks), program.outputs) * width**2 > _LARGEST:
        return None
    sums: list[Statistics] = []
    for c in range(program.outputs):
        one = response[:, min(c, response.shape[1] - 1)]
        known = sums[0].xx if sums else None
        sums.append(gram(data, program.scaling, response=one, design=design, xx=known))
    return sums


def start_from(program: Program, sums: Sequence[Statistics]) -> dict[str, Tensor]:
    """What the prior makes of estimates from sums of the working response, one for each output."""
    values = {}
    noise = torch.ones(())
    for name, tasks in program.kinds:
        dims = program.dims(program.task_features, tasks if name else None, name)
        size = dims.features
        parts = [_of_tasks(part, tasks) if name else part for part in sums]
        weights = ridge(parts, size)
        found = [
            population(part, size, weights[..., c], noise_too=c == 0)  # one noise: the first output's
            for c, part in enumerate(parts)
        ]
        estimates = Estimates(
            weights=weights.float(),
            mean=torch.stack([one[0] for one in found], -1).float(),
            covariance=torch.stack([one[1].float() for one in found]),
            shrunk=torch.stack([one[3] for one in found], -1).float(),
        )
        noise = found[0][2]
        starts = program.prior.initialise(estimates, dims)
        values.update({f"{name}/{site}" if name else site: value for site, value in starts.items()})
    if len(program.kinds) == 1:
        values["noise_scale"] = noise.float()
    return values


def _on_scale(program: Program, data: TaskData) -> np.ndarray:
    """Working response on the program's own scale, which is the data's where nothing is standardised."""
    response = np.asarray(program.likelihood.working_response(data))
    shift, spread = program.likelihood.location(data)
    raw = response * spread[data.task] + shift[data.task]
    scaled: np.ndarray = (raw - program.scaling.shift[data.task]) / program.scaling.spread[data.task]
    return scaled


def _of_tasks(sums: Statistics, tasks: tuple[int, ...]) -> Statistics:
    index = list(tasks)
    return Statistics(**{f.name: getattr(sums, f.name)[index] for f in fields(sums)})


def start_on_device(program: Program, data: TaskData) -> dict[str, Tensor]:
    """Starting values of the program's sites, on its device."""
    with torch.device("cpu"):
        values = start_values(program, data)
    return {name: value.to(program.used.device) for name, value in values.items()}
