"""The random state of the caller."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch

from bayes_mtl.testing._require import require


def random_state() -> dict[str, Any]:
    """State of the generators that a careless line may advance, comparable by ``==``.

    Not that of Python's own: checks of types at run time (beartype) draw from it.
    """
    name, keys, *rest = np.random.get_state()  # noqa: NPY002
    return {
        "torch": torch.get_rng_state().numpy().tobytes(),
        "numpy": (name, np.asarray(keys).tobytes(), *rest),
    }


@contextmanager
def untouched(rule: str, *generators: str) -> Iterator[None]:
    """Require that the block leaves the global random state as it was.

    Parameters
    ----------
    generators
        Which of ``"torch"`` and ``"numpy"``; both by default.
    """
    before = random_state()
    yield
    after = random_state()
    changed = [name for name in generators or before if before[name] != after[name]]
    require(
        not changed,
        rule,
        "the caller's random numbers as they were",
        f"those of {' and '.join(changed)} used or seeded",
        "Draw from a generator of your own, or inside pyro.sample only.",
    )
