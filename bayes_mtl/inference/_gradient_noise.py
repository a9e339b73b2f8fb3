"""Signal and noise of the gradient where a training by SVI ended."""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from bayes_mtl._errors import UnsupportedError
from bayes_mtl._seed import seeded
from bayes_mtl.inference._arguments import next_arguments
from bayes_mtl.inference._batches import Batches
from bayes_mtl.inference._elbo import ElboGradient
from bayes_mtl.inference._visits import VISITS
from bayes_mtl.model import Program
from bayes_mtl.networks import AbstractObjectiveNetwork, AbstractStochasticNetwork

_DRAWS = 16
_FEWEST_STEPS = 500
"""Steps of a training beside which those here cost next to nothing."""


def gradient_noise(
    program: Callable[..., Any],
    guide: nn.Module,
    batches: Batches,
    *,
    particles: int,
    rate: float,
    steps: int,
    seed: int,
) -> dict[str, float]:
    """Evaluate the gradient by the guide's parameters 16 times, on batches of their own, and move nothing.

    Parameters
    ----------
    program, guide, batches, particles
        Of the training.
    rate
        Learning rate at its end.
    steps
        How many there were.
    seed
        Of the draws; the random state stays as it was.

    Returns
    -------
    dict
        ``signal``: root mean square over parameters of the mean gradient divided by its standard
        deviation at a step, corrected for what 16 draws of pure noise would show; ``cost``: nats by which
        the noise keeps the ELBO below its best. Empty where it was not measured: short trainings, steps that
        touch a part of the tasks, guides and networks that change as they are called.

    Notes
    -----
    Near the optimum, Adam with rate ``a`` moves a parameter by ``a g / s``, where ``s`` is the standard
    deviation of its gradient ``g = H d + s e``. The deviations ``d`` settle at the variance ``a s / (2 H)``,
    and cost ``H d^2 / 2 = a s / 4`` each on average, whatever the curvature ``H``.
    """
    if steps < _FEWEST_STEPS or getattr(guide, VISITS, None) is not None or _changes(program):
        return {}
    leaves: list[Tensor] = [value for value in guide.parameters() if value.requires_grad]
    state = {name: value.clone() for name, value in batches.state().items()}
    gradient = ElboGradient(program, guide, particles)
    found: list[Tensor] = []
    try:
        with seeded(seed):
            for _ in range(_DRAWS):
                _, parts = gradient(next_arguments(batches), leaves)
                found.append(torch.cat([part.flatten().double().cpu() for part in parts if part is not None]))
    except UnsupportedError:
        return {}  # a guide without reparameterised draws
    finally:
        batches.load_state(state)
    values = torch.stack(found)
    spread, mean = values.std(0), values.mean(0)
    moving = (spread > 0) & torch.isfinite(spread)
    if not moving.any():
        return {}
    # of pure noise the ratio is F-distributed with 1 and n - 1 degrees of freedom
    chance = (_DRAWS - 1) / (_DRAWS - 3) / _DRAWS
    signal = float(((mean[moving] / spread[moving]) ** 2).mean()) - chance
    return {"signal": max(signal, 0.0) ** 0.5, "cost": 0.25 * rate * float(spread[moving].sum())}


def _changes(program: Callable[..., Any]) -> bool:
    """Whether a call leaves traces in the program."""
    if not isinstance(program, Program):
        return False
    network = program.network
    if len(program.states) or isinstance(network, (AbstractObjectiveNetwork, AbstractStochasticNetwork)):
        return True
    return network is not None and next(network.buffers(), None) is not None
