"""Starting values of a program's sites."""

from torch import Tensor

from bayes_mtl.data import TaskData
from bayes_mtl.model import Program


def start_values(program: Program, data: TaskData) -> dict[str, Tensor]:
    """What the prior makes of per-task ridge estimates, by full site name; empty with a network."""
    estimates = program.estimates(data)
    if estimates is None:
        return {}
    estimates = estimates.float()
    values = {}
    for name, tasks in program.kinds:
        dims = program.dims(program.task_features, tasks if name else None, name)
        found = program.prior.initialise(estimates[list(tasks)] if name else estimates, dims)
        values.update({f"{name}/{site}" if name else site: value for site, value in found.items()})
    return values
