"""Batches of which the next one is read while a step runs."""

from concurrent.futures import Future, ThreadPoolExecutor

from torch import Tensor

from bayes_mtl.inference._batches import Batches


class Prefetched:
    """Draws what ``batches`` draw, one ahead, in a thread of its own.

    Parameters
    ----------
    batches
        Whose rows are read from disk or made by a data set.
    """

    def __init__(self, batches: Batches) -> None:
        self._batches, self._state = batches, batches.state()
        self._reader = ThreadPoolExecutor(1, thread_name_prefix="batches")
        self._next: Future[dict[str, Tensor]] | None = None

    def draw(self) -> dict[str, Tensor]:
        """The next batch; the one after it is begun."""
        drawn = self._batches.draw() if self._next is None else self._next.result()
        self._state = self._batches.state()
        self._next = self._reader.submit(self._batches.draw)
        return drawn

    def state(self) -> dict[str, Tensor]:
        """Of the place after the last batch that was handed out."""
        return self._state

    def load_state(self, state: dict[str, Tensor]) -> None:
        """Go on from a saved state."""
        if self._next is not None:
            self._next.exception()  # waits; an error in a batch that nobody asked for is none
            self._next = None
        self._batches.load_state(state)
        self._state = self._batches.state()

    def close(self) -> None:
        """Leave the batches at the place after the last one that was handed out."""
        self.load_state(self._state)
        self._reader.shutdown()
