"""Running a function in several new processes of this machine."""

from collections.abc import Callable
from multiprocessing import get_context
from multiprocessing.queues import SimpleQueue
from threading import Thread
from typing import Any

from torch.multiprocessing.spawn import spawn

from bayes_mtl._errors import UnsupportedError


def run_spawned(work: Callable[..., None], arguments: tuple[Any, ...], processes: int) -> None:
    """Call ``work(rank, *arguments)`` in each of a number of processes, and wait for them.

    The arguments follow once the processes run: with those that a process is started with, Python would wait
    forever for one that ends before it has read them all.

    Raises
    ------
    Exception
        What torch makes of the first process that fails; the others are ended.
    """
    queue: SimpleQueue[Any] = get_context("spawn").SimpleQueue()
    context = spawn(_process, (queue, work), nprocs=processes, join=False)
    Thread(target=_send, args=(queue, arguments, processes), daemon=True).start()
    try:
        while not context.join():
            pass
    finally:
        queue.close()  # and so nobody waits to send any more


def _send(queue: "SimpleQueue[Any]", arguments: tuple[Any, ...], processes: int) -> None:
    for _ in range(processes):
        try:
            queue.put(arguments)
        except OSError:  # nobody is left who would read it
            return
        except Exception as error:  # noqa: BLE001  whatever the user's objects raise when they are packed
            queue.put(f"what they need cannot be sent: {error}")


def _process(rank: int, queue: "SimpleQueue[Any]", work: Callable[..., None]) -> None:
    received = queue.get()
    if isinstance(received, str):
        raise UnsupportedError(received)
    work(rank, *received)
