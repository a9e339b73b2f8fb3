"""The steps of a fit without its end: what a training loop does, as often as asked."""

from contextlib import ExitStack
from functools import partial
from typing import Literal

import torch
from torch import Tensor

from bayes_mtl import MultiTaskModel, TaskData
from bayes_mtl._seed import seeded
from bayes_mtl.inference import SVI
from bayes_mtl.inference._arguments import draw_from
from bayes_mtl.inference._batches_of import batches_of
from bayes_mtl.inference._local import local_parameters
from bayes_mtl.inference._make_guide import make_guide
from bayes_mtl.inference._parts import Parts
from bayes_mtl.inference._steps import Steps
from bayes_mtl.model import on_device


class Stepping:
    """Everything of a fit up to its loop, on one device.

    Parameters
    ----------
    svi
        Its settings.
    compile
        Whether its steps are compiled; the first `run` pays for it.
    """

    def __init__(
        self, model: MultiTaskModel, data: TaskData, svi: SVI, device: str, compile: bool | Literal["auto"]
    ) -> None:
        self._stack = ExitStack()
        self._stack.enter_context(seeded(0))
        self._stack.enter_context(local_parameters())
        program = model.program(data).train().to(device)
        self.batches, _ = batches_of(
            program, data, svi.batch_size, svi.temperature, 0, torch.device(device), svi.schedule
        )
        self._stack.enter_context(on_device(device))
        guide = make_guide(svi.guide, program, {})  # where it starts makes no difference to the time
        parts = Parts.of(program, guide, self.batches, svi.particles, 0.01)
        self.batches, self.learned, self.optimiser = parts.batches, parts.learned, parts.optimiser
        self._steps = Steps(parts, compile=compile, steps=10**7)
        # As a training does it: what makes tensors on the CPU in spite of a GPU slows every operation.
        self._draw = self.batches.draw if device == "cpu" else partial(draw_from, self.batches)
        self._number = 0

    def run(self, steps: int) -> float | Tensor:
        """Take steps; the loss of the last one, which a GPU may still be at."""
        loss: float | Tensor = 0.0
        for _ in range(steps):
            loss = self._steps(self._number, self._draw(), lambda _: None)
            self._number += 1
        return loss

    def state_bytes(self) -> int:
        """Bytes of all that a step changes: parameters, buffers and Adam's two moments."""
        moments = [
            value for entry in self.optimiser.state.values() for value in entry.values() if value.dim() > 0
        ]
        return sum(v.numel() * v.element_size() for v in [*self.learned.tensors().values(), *moments])

    def close(self) -> None:
        """Leave the device and the random numbers as they were."""
        self._stack.close()
