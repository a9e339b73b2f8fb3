"""A guide that reads the unknowns of a task off its data."""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from bayes_mtl.data import Batch
from bayes_mtl.inference._task_blocks import AutoTaskBlocks


class AutoAmortised(AutoTaskBlocks):
    """`AutoTaskBlocks` whose blocks of tasks come out of one network, for very many tasks.

    A summary of each task's rows (how many, the products of features with each other and with the response,
    ridge estimates) goes into a network, the same for all tasks; out of it come mean, scale, correlations and
    the coupling to the hyperparameters of that task's Gaussian. So the guide has no parameter of a single
    task, and every step moves the posteriors of all tasks. A family that is narrower than that of
    `AutoTaskBlocks`: as good where tasks with like summaries have like posteriors.

    Pass it as ``SVI(guide=AutoAmortised)``, or ``partial(AutoAmortised, width=64)``.

    Parameters
    ----------
    model
        The program of a model, without a network that is trained, and of one kind of tasks.
    values
        Starting values by site.
    summaries
        ``[tasks, numbers]``: what the network reads of each task, standardised.
    width
        Of the network's hidden layer.
    init_scale, largest_block, largest_global
        As for `AutoTaskBlocks`.

    References
    ----------
    Gershman and Goodman, Amortized inference in probabilistic reasoning (CogSci 2014); Agrawal and Domke,
    Amortized variational inference for simple hierarchical models (NeurIPS 2021).
    """

    _most_coupling = float("inf")  # none of these numbers belongs to one task

    def __init__(
        self,
        model: Callable[..., Any],
        values: dict[str, Tensor] | None = None,
        summaries: Tensor | None = None,
        width: int = 32,
        init_scale: float = 0.1,
        largest_block: int = 10,
        largest_global: int = 60,
    ) -> None:
        super().__init__(model, values, init_scale, largest_block, largest_global)
        # No buffers: a step would copy, and a checkpoint write, what never changes.
        self._summaries, self._width = summaries, width
        self._starts: dict[int, Tensor] = {}
        self._shapes: dict[int, dict[str, torch.Size]] = {}
        self._chosen: Tensor | None = None

    def forward(self, *args: Any, **kwargs: Any) -> dict[str, Tensor]:
        """Sample all latent sites; returns their values by name."""
        self._chosen = args[0].members if args and isinstance(args[0], Batch) else None
        return super().forward(*args, **kwargs)

    def _keep(self, i: int, plate: tuple[str, int] | None, part: dict[str, Tensor]) -> None:
        if plate is None or self._summaries is None or plate[1] != len(self._summaries):
            super()._keep(i, plate, part)
            return
        start = part["loc"]
        self._starts[i] = start
        self._shapes[i] = {name: value.shape[1:] for name, value in part.items()}
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(i)
            read = start.shape[-1] + self._summaries.shape[-1]
            network = _Reader(read, self._width, sum(shape.numel() for shape in self._shapes[i].values()))
            network.to(start.device)
        size = start.shape[-1]
        with torch.no_grad():
            # Every task starts where it would with parameters of its own.
            network.direct.weight[:size, :size] = torch.eye(size)
            network.last.bias[size : 2 * size] = part["log_scale"][0]
        setattr(self, f"reader_{i}", network)

    def _part(self, i: int) -> dict[str, Tensor]:
        if i not in self._starts or self._summaries is None:
            return super()._part(i)
        read = torch.cat([self._starts[i], self._summaries], -1)
        if self._chosen is not None:
            read = read.index_select(0, self._chosen)
        flat = getattr(self, f"reader_{i}")(read)
        shapes = self._shapes[i]
        pieces = flat.split([shape.numel() for shape in shapes.values()], -1)
        return {
            name: piece.reshape(len(read), *shape)
            for (name, shape), piece in zip(shapes.items(), pieces, strict=True)
        }


class _Reader(nn.Module):
    """A hidden layer beside a linear map, which says nothing but its bias at first."""

    def __init__(self, read: int, width: int, out: int) -> None:
        super().__init__()
        self.first, self.last, self.direct = (
            nn.Linear(read, width),
            nn.Linear(width, out),
            nn.Linear(read, out, bias=False),
        )
        for parameter in (self.last.weight, self.last.bias, self.direct.weight):
            nn.init.zeros_(parameter)

    def forward(self, read: Tensor) -> Tensor:
        found: Tensor = self.last(torch.tanh(self.first(read))) + self.direct(read)
        return found
