"""Whether two formulas turn the same row into the same numbers."""

import math
from collections.abc import Mapping
from typing import Any

from bayes_mtl.data._encoder import Encoder

_RELATIVE, _ABSOLUTE = 1e-6, 1e-12
"""Other machines sum means in another order; other rows move knots and means by far more."""


def encoded_otherwise(fitted: Encoder | None, found: Encoder | None) -> tuple[str, ...]:
    """Parts of the formula that remember other levels, knots or means than the fitted one's.

    Names do not tell them apart: ``bs(x, df=5)[1]`` is called the same whatever its knots are, and ``c[T.M]``
    whatever it is compared with. Columns that were made without a formula are taken as they are.
    """
    if fitted is None or found is None or fitted.formula is None or found.formula is None:
        return ()
    pairs = ((fitted.levels, found.levels), (_items(fitted.state), _items(found.state)))
    return tuple(
        dict.fromkeys(
            str(part)
            for own, other in pairs
            for part in (*own, *(name for name in other if name not in own))
            if not _same(own.get(part), other.get(part))
        )
    )


def _items(state: Mapping[str, Any]) -> dict[Any, Any]:
    return {str(key): value for key, value in state.get("items", ())}


def _same(one: Any, other: Any) -> bool:
    if isinstance(one, Mapping) and isinstance(other, Mapping):
        return one.keys() == other.keys() and all(_same(one[key], other[key]) for key in one)
    if isinstance(one, (list, tuple)) and isinstance(other, (list, tuple)):
        return len(one) == len(other) and all(_same(a, b) for a, b in zip(one, other, strict=True))
    if isinstance(one, float) or isinstance(other, float):
        numbers = isinstance(one, (int, float)) and isinstance(other, (int, float))
        return numbers and math.isclose(one, other, rel_tol=_RELATIVE, abs_tol=_ABSOLUTE)
    return bool(one == other)
