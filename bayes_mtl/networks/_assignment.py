"""Which experts are open to which task: the random assignment of MMoEEx."""

import torch
from torch import Tensor

from bayes_mtl._errors import InputError, message

MODES = ("exclusivity", "exclusion")


def open_experts(tasks: int, experts: int, alpha: float, mode: str, seed: int) -> Tensor:
    """Draw which experts each task may use, ``[tasks, experts]`` bool; every task keeps one at least.

    Parameters
    ----------
    alpha
        Share of the experts that are restricted, rounded to whole experts.
    mode
        ``"exclusivity"``: a restricted expert serves one random task alone; ``"exclusion"``: all but one.

    Raises
    ------
    InputError
        For a share outside of [0, 1], an unknown mode, or where some task would be left without an expert.
    """
    if mode not in MODES:
        raise InputError(message("mode", f"one of {MODES}", repr(mode), "Choose one."))
    if not 0.0 <= alpha <= 1.0:
        raise InputError(message("alpha", "between 0 and 1", alpha, "0 restricts no expert."))
    restricted = round(alpha * experts)
    everything = restricted == experts
    if everything and (experts < tasks if mode == "exclusivity" else min(tasks, experts) < 2):
        raise InputError(
            message(
                "alpha",
                f"an expert left open for each of {tasks} tasks",
                f"{restricted} of {experts} experts restricted",
                "Lower alpha, or take more experts.",
            )
        )
    generator = torch.Generator("cpu").manual_seed(seed)
    cpu = torch.device("cpu")
    which = torch.randperm(experts, generator=generator, device=cpu)[:restricted]
    task = torch.randint(tasks, (restricted,), generator=generator, device=cpu)
    if everything and mode == "exclusivity":
        task[:tasks] = torch.randperm(tasks, generator=generator, device=cpu)
    elif everything and bool((task == task[0]).all()):
        task[0] = (task[0] + 1) % tasks  # else the one excluded task would have no expert
    found = torch.ones(tasks, experts, dtype=torch.bool, device=cpu)
    found[:, which] = mode == "exclusion"
    found[task, which] = mode == "exclusivity"
    return found
