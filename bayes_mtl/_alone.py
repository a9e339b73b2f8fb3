"""One thread at a time in what belongs to the whole process.

torch has one stream of random numbers for all threads, Pyro one stack of handlers and one set of settings:
two fits in two threads would mix them. So threads take turns.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from threading import RLock

_TURN = RLock()


@contextmanager
def alone() -> Iterator[None]:
    """Wait until no other thread is inside; the same thread may enter again."""
    with _TURN:
        yield
