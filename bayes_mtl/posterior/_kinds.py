"""A prior's view of the draws: its own site names, and only the tasks it was asked to relate."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from torch import Tensor

from bayes_mtl._shapes import Dims
from bayes_mtl.model import Program

AUXILIARY = ("weights_noise", "weights_activity", "alpha_noise")
"""Sites that only parameterise the weights: not kept."""


@dataclass(frozen=True, eq=False)
class Kind:
    """Draws and sizes of the tasks between which a prior shares weights."""

    name: str
    tasks: tuple[int, ...]
    dims: Dims
    draws: dict[str, Tensor]

    def full_name(self, site: str) -> str:
        """Name of a site in the whole program."""
        return f"{self.name}/{site}" if self.name else site


def kinds(program: Program, draws: Mapping[str, Tensor], task_features: Tensor | None) -> Iterator[Kind]:
    """Each kind of tasks with its own draws."""
    for name, tasks in program.kinds:
        dims = program.dims(task_features, tasks if name else None, name)
        if name:
            own = {k.removeprefix(f"{name}/"): v for k, v in draws.items() if k.startswith(f"{name}/")}
            own["weights"] = draws["weights"][:, list(tasks)]
        else:
            own = dict(draws)
        yield Kind(name, tasks, dims, own)
