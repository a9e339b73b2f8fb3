"""The settings of Pyro and torch under which every fit runs."""

import warnings
from collections.abc import Iterator
from contextlib import contextmanager

import pyro
import torch

from bayes_mtl._alone import alone

_WORTH_THREADS = 1_000_000
"""Numbers a step works on from which a second thread gains more than its synchronisation costs.

A rule and no clock: sums on two threads are rounded otherwise, and the same seed has to give the same fit.
"""


@contextmanager
def local_parameters(work: int = 0) -> Iterator[None]:
    """Parameters belong to their own modules, never to Pyro's global store; no validation in the loop.

    With the global store two models of one notebook would share parameters of the same name. Gradients are
    on and numbers float32 inside, whatever the caller has set: a fit depends on its arguments alone.

    Parameters
    ----------
    work
        Numbers a step works on: kernels too small to share run on one thread, which is several times
        faster than two that wait for each other.
    """
    with (
        alone(),
        _threads(work),
        _modes(),
        pyro.settings.context(module_local_params=True),
        pyro.validation_enabled(False),
        warnings.catch_warnings(),
    ):
        # Pyro's own name no site; the loop reports what is not finite.
        warnings.filterwarnings("ignore", "Encountered NaN", UserWarning)
        yield


@contextmanager
def _modes() -> Iterator[None]:
    """Gradients and float32; the caller's modes again at the end."""
    dtype = torch.get_default_dtype()
    torch.set_default_dtype(torch.float32)
    try:
        with torch.inference_mode(False), torch.enable_grad():
            yield
    finally:
        torch.set_default_dtype(dtype)


@contextmanager
def _threads(work: int) -> Iterator[None]:
    """One thread for small work; as many as before at the end."""
    threads = torch.get_num_threads()
    if work < _WORTH_THREADS:
        torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)
