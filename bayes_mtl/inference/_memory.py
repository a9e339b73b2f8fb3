"""What a rule keeps from step to step."""

from torch import Tensor, nn


class Memory(nn.Module):
    """Tensors by name, as buffers: saved in checkpoints, and inputs of compiled steps.

    Parameters
    ----------
    tensors
        Their first values; the shapes stay.
    """

    def __init__(self, **tensors: Tensor) -> None:
        super().__init__()
        for name, value in tensors.items():
            self.register_buffer(name, value)

    def __getitem__(self, name: str) -> Tensor:
        return self.get_buffer(name)
