"""Random numbers of a fit that depend on its seed alone and leave the caller's as they were."""

import random
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import pyro
import torch

from bayes_mtl._alone import alone
from bayes_mtl._errors import InputError, message


@contextmanager
def seeded(seed: int) -> Iterator[None]:
    """Seed torch, numpy and Python inside the block; restore all three after it.

    Other threads wait until the block is left.

    Raises
    ------
    InputError
        For a seed that is no whole number from 0 to 2^32 - 1, numpy's limit.
    """
    whole = isinstance(seed, (int, np.integer)) and not isinstance(seed, bool)
    if not whole or not 0 <= seed < 2**32:
        raise InputError(message("seed", "a whole number from 0 to 2^32 - 1", repr(seed), "Try seed=0."))
    with alone(), _restored():
        _set(int(seed))
        yield


def _set(seed: int) -> None:
    if torch.accelerator.is_available():
        pyro.set_rng_seed(seed)
        return
    # Without a device, torch still notes the whole call stack for each kind of one at every seed: 1 ms.
    torch.default_generator.manual_seed(seed)
    random.seed(seed)
    np.random.seed(seed)  # noqa: NPY002


@contextmanager
def _restored() -> Iterator[None]:
    """The caller's random states, put back at the end."""
    numpy_state, python_state = np.random.get_state(), random.getstate()  # noqa: NPY002
    devices = list(range(torch.cuda.device_count())) if torch.cuda.is_available() else []
    with torch.random.fork_rng(devices=devices):
        try:
            yield
        finally:
            np.random.set_state(numpy_state)  # noqa: NPY002
            random.setstate(python_state)
