"""A step on a GPU as one launch."""

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor

_WARM = 2
"""Runs before recording: the first ones load kernels and reserve memory, which no recording may do."""


class CudaGraph:
    """Records all kernels of a step once and launches them together from then on.

    A step of a small model is dozens of kernels of a few microseconds each; launched one by one, a GPU
    waits for Python between them. Random numbers are fresh in every launch: the generator's place is an
    argument of the recorded kernels.

    Parameters
    ----------
    run
        The step, called with ``[*state, *drawn, *constants]``; returns the loss first.
    state, constants
        Tensors that stay where they are in memory; the step changes ``state`` in place.
    drawn
        A batch, for its shapes: later ones are copied into its place.

    Raises
    ------
    RuntimeError
        From torch, where the step waits for the GPU or copies from the CPU in its middle.
    """

    def __init__(
        self,
        run: Callable[..., Any],
        state: Sequence[Tensor],
        drawn: dict[str, Tensor],
        constants: Sequence[Tensor],
    ) -> None:
        self._places = {name: value.clone() for name, value in drawn.items()}
        self._graph = torch.cuda.CUDAGraph()
        device = state[0].device
        with torch.random.fork_rng(devices=[device]):
            side = torch.cuda.Stream(device)
            side.wait_stream(torch.cuda.current_stream(device))
            with torch.cuda.stream(side):
                copies = [value.clone() for value in state]
                for _ in range(_WARM):
                    run(*copies, *self._places.values(), *constants)
            torch.cuda.current_stream(device).wait_stream(side)
            del copies
            # Compiled kernels hold no reference to what they read: neither may be freed before the graph.
            self._kept = (list(state), list(constants))
            with torch.cuda.graph(self._graph):
                found = run(*state, *self._places.values(), *constants)
        self._loss: Tensor = found[0] if isinstance(found, (tuple, list)) else found

    def __call__(self, drawn: dict[str, Tensor]) -> Tensor:
        """Loss of a step on the batch that was drawn; the GPU may still be at it."""
        for name, value in drawn.items():
            self._places[name].copy_(value, non_blocking=True)
        self._graph.replay()
        return self._loss.clone()
