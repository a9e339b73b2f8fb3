"""The Pyro settings under which every fit runs."""

from collections.abc import Iterator
from contextlib import contextmanager

import pyro


@contextmanager
def local_parameters() -> Iterator[None]:
    """Parameters belong to their own modules, never to Pyro's global store; no validation in the loop.

    With the global store two models of one notebook would share parameters of the same name.
    """
    with pyro.settings.context(module_local_params=True), pyro.validation_enabled(False):
        yield
