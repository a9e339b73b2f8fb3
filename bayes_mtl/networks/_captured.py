"""Whether operations are written down instead of done."""

import torch
from torch.fx.experimental.proxy_tensor import get_proxy_mode


def captured() -> bool:
    """Whether a graph is being captured: then nothing may depend on the values of tensors."""
    return get_proxy_mode() is not None or torch.compiler.is_compiling()
