"""Random batches of observations whose log-likelihood is unbiased."""

import torch
from torch import Tensor

from bayes_mtl.data._batch import Batch
from bayes_mtl.data._full_batch import full_batch
from bayes_mtl.data._scaling import Scaling
from bayes_mtl.data._task_data import TaskData


class Minibatches:
    """Random batches."""

    def __init__(
        self,
        data: TaskData,
        scaling: Scaling,
        size: int,
        temperature: float = 1.0,
        by_rows: bool = False,
        seed: int = 0,
        device: torch.device | str = "cpu",
        dtype: torch.dtype = torch.float32,
    ) -> None:
        self._all = full_batch(data, scaling, device, dtype)
        self._size = min(size, len(data))
        self._generator = torch.Generator().manual_seed(seed)

    def next(self) -> Batch:
        """Next batch."""
        index = torch.randperm(self._all.observations, generator=self._generator)[: self._size]
        return self._all.select(index, torch.tensor(self._all.observations / self._size))

    def state(self) -> dict[str, Tensor]:
        """State."""
        return {"generator": self._generator.get_state()}

    def load_state(self, state: dict[str, Tensor]) -> None:
        """Resume."""
        self._generator.set_state(state["generator"])
