"""Calls of compiled code without what torch does around each."""

from collections.abc import Callable, Sequence
from typing import Any

from torch import Tensor


class Entry:
    """A compiled graph on a CPU, called directly from its second call on.

    Between a caller and the machine code torch looks at every input anew (aliases, versions, modes), which
    takes as long as the code of a very small model. The first call watches what reaches the code. Where that
    is the inputs as they are, behind tensors that belong to the graph, and what the code returns is what the
    caller gets, later calls hand their inputs over just so; else, or where torch is built otherwise, every
    call goes the long way.

    Parameters
    ----------
    run
        What the compiler returned, for inputs without gradients of their own.
    """

    def __init__(self, run: Callable[..., Any]) -> None:
        self._run = run
        self._called = False
        self._direct: Callable[[list[Any]], Any] | None = None
        self._before: list[Any] = []
        self._alone = False

    @property
    def direct(self) -> bool:
        """Whether calls go straight to the machine code."""
        return self._direct is not None

    def __call__(self, *inputs: Tensor) -> Any:
        if self._direct is not None:
            found = self._direct([*self._before, *inputs])
            return found[0] if self._alone else found
        if self._called:
            return self._run(*inputs)
        self._called = True
        return self._watched(inputs)

    def _watched(self, inputs: Sequence[Tensor]) -> Any:
        try:
            from torch._inductor.output_code import CompiledFxGraph
        except ImportError:
            return self._run(*inputs)
        seen: list[tuple[Any, list[Any], Any]] = []
        usual = CompiledFxGraph.__call__

        def watching(graph: CompiledFxGraph, given: Sequence[Any]) -> Any:
            kept = list(given)  # the code empties the list that it gets
            found = usual(graph, given)
            seen.append((graph, kept, found))
            return found

        CompiledFxGraph.__call__ = watching  # type: ignore[method-assign, assignment]
        try:
            result = self._run(*inputs)
        finally:
            CompiledFxGraph.__call__ = usual  # type: ignore[method-assign]
        if len(seen) == 1:
            graph, given, found = seen[0]
            number = len(given) - len(inputs)
            self._alone = isinstance(result, Tensor)
            whole = [result] if self._alone else list(result)
            aligned = not getattr(graph, "inputs_to_check", True)  # else torch copies some before each call
            if aligned and _same(given[number:], inputs) and _same(found, whole):
                self._before, self._direct = given[:number], getattr(graph, "current_callable", None)
        return result


def _same(one: Sequence[Any], other: Sequence[Any]) -> bool:
    """Whether they are the same objects."""
    return len(one) == len(other) and all(a is b for a, b in zip(one, other, strict=True))
