"""Values to evaluate a density at, from priors that may have very heavy tails."""

from typing import Any

import torch
from pyro.poutine.messenger import Messenger
from pyro.poutine.util import site_is_subsample

_CANDIDATES = 8
_TINY = 1e-30


class Moderate(Messenger):
    """Every latent site takes, out of several draws, the one whose numbers are nearest to 1 in size.

    A contract is about any values in the support. Precisions that are log-uniform, say, would put a test at
    numbers where float32 has no digits left and links overflow, whatever is being tested.
    """

    def _pyro_sample(self, msg: dict[str, Any]) -> None:
        if msg["is_observed"] or msg["value"] is not None or site_is_subsample(msg):
            return
        draws = [msg["fn"](*msg["args"], **msg["kwargs"]) for _ in range(_CANDIDATES)]
        if draws[0].is_floating_point() and draws[0].numel():
            sizes = [float(draw.abs().clamp_min(_TINY).log().abs().sum()) for draw in draws]
            msg["value"] = draws[int(torch.tensor(sizes).argmin())]
        else:
            msg["value"] = draws[0]
