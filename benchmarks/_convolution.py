"""One convolution for images of 8 x 8 pixels: a network as users write their own."""

import torch
from torch import Tensor, nn
from torch.nn import functional


class Convolution(nn.Module):
    """Filters of 3 x 3 pixels, rectified, averaged over squares of 2 x 2: 9 places times the filters.

    Parameters
    ----------
    filters
        Number of filters.
    tasks
        How many tasks have filters of their own; 1: all share the same. With an `Independent` prior of known
        scale the tasks of one model are then as many separate fits.
    seed
        Of the first ones, which are the same for all tasks.
    """

    def __init__(self, filters: int = 16, tasks: int = 1, seed: int = 0) -> None:
        super().__init__()
        self.out_features = 9 * filters
        self._tasks = tasks
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            first = torch.randn(filters, 1, 3, 3) / 2.0
        self.filters = nn.Parameter(first.repeat(tasks, 1, 1, 1))
        self.bias = nn.Parameter(torch.zeros(filters * tasks))

    def forward(self, x: Tensor, row: Tensor | None = None, task: Tensor | None = None) -> Tensor:
        """Features of each observation; pixels are between 0 and 1."""
        images = (x.unflatten(-1, (1, 8, 8)) - 0.3) / 0.38
        found = functional.avg_pool2d(functional.conv2d(images, self.filters, self.bias).relu(), 2)
        found = found.reshape(len(x), self._tasks, self.out_features)
        if row is not None:
            found = found.index_select(0, row)
        if self._tasks == 1 or task is None:
            return found[:, 0]
        return found[torch.arange(len(task), device=x.device), task]
