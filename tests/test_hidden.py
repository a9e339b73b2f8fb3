"""What sees sites that are hidden."""

from typing import Any

import pyro
import torch
from pyro import poutine
from pyro.distributions import Normal

from bayes_mtl._hidden import AlwaysSeen, hidden


class Doubled(AlwaysSeen):
    """Doubles every scale."""

    def _pyro_sample(self, msg: dict[str, Any]) -> None:
        msg["fn"] = Normal(msg["fn"].loc, 2.0 * msg["fn"].scale)


def test_only_what_is_always_seen() -> None:
    with poutine.trace() as outside, Doubled():
        with hidden(), poutine.trace() as inside:
            pyro.sample("a", Normal(0.0, torch.ones(())))
        pyro.sample("b", Normal(0.0, 1.0))
    assert list(outside.trace.nodes) == ["b"]
    assert float(inside.trace.nodes["a"]["fn"].scale) == 2.0
