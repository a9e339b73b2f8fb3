"""Running a program whose sites nothing outside is to see."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from copy import copy

from pyro import poutine
from pyro.poutine.messenger import Messenger
from pyro.poutine.runtime import _PYRO_STACK


class AlwaysSeen(Messenger):
    """A handler that goes on seeing sites which are hidden from all others outside."""


@contextmanager
def hidden() -> Iterator[None]:
    """As `pyro.poutine.block`, but for handlers that are `AlwaysSeen`."""
    seeing = [copy(handler) for handler in _PYRO_STACK if isinstance(handler, AlwaysSeen)]
    with poutine.block(), ExitStack() as inside:
        for handler in seeing:
            inside.enter_context(handler)
        yield
