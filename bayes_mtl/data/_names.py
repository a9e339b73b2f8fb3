"""How names are put into messages: shortened lists, and the name that was probably meant."""

from collections.abc import Iterable, Sequence
from difflib import get_close_matches

import numpy as np

from bayes_mtl._errors import InputTypeError, message


def label_text(label: object) -> str:
    """Write a label as the text it is known by; 1.0 and 1 are the same label.

    pandas turns integer labels into floats as soon as one of them was missing, so a task fitted as
    ``1`` may be asked for as ``1.0``.
    """
    if isinstance(label, (float, np.floating)) and float(label).is_integer():
        return str(int(label))
    if isinstance(label, (np.datetime64, np.timedelta64)):
        import pandas as pd

        return str(pd.Series([label]).iloc[0])
    return str(label)


def label_texts(labels: object) -> list[str]:
    """`label_text` of each, in any number of axes; numpy's dates are read as pandas reads them."""
    dates = isinstance(labels, np.ndarray) and labels.dtype.kind in "mM"
    # as objects, dates in nanoseconds would be integers
    each = np.asarray(labels, dtype=None if dates else object).reshape(-1)
    return [label_text(label) for label in each]


def name_list(given: object, argument: str) -> tuple[str, ...]:
    """Names that were given for something, as text.

    Raises
    ------
    InputTypeError
        For one text, or what holds no names.
    """
    if isinstance(given, (str, bytes)) or not isinstance(given, Iterable):
        raise InputTypeError(
            message(argument, "a list of names", f"a {type(given).__name__}", f"Pass {argument}=[...].")
        )
    return tuple(label_text(name) for name in given)


def listed(names: Iterable[object], limit: int = 5) -> str:
    """Write ``'A', 'B'``, or ``'A', 'B', ... (12 in all)``; ``none`` for no name."""
    texts = [repr(label_text(name)) for name in names]
    if not texts:
        return "none"
    if len(texts) <= limit:
        return ", ".join(texts)
    return f"{', '.join(texts[:limit])}, ... ({len(texts)} in all)"


def suggestion(name: object, known: Sequence[str]) -> str:
    """``Did you mean 'A'? `` where one of the known names is near, else nothing."""
    near = get_close_matches(label_text(name), list(known), n=1, cutoff=0.6)
    return f"Did you mean {near[0]!r}? " if near else ""


def positions(mask: np.ndarray, limit: int = 5) -> str:
    """Where a mask is true: ``3 of them (rows 0, 4, 9)``."""
    where = np.flatnonzero(mask)
    shown = ", ".join(str(i) for i in where[:limit])
    return f"{len(where)} of them (rows {shown}{', ...' if len(where) > limit else ''})"


def repeated(names: Sequence[str]) -> list[str]:
    """Names that occur more than once, in order."""
    seen: set[str] = set()
    twice: dict[str, None] = {}
    for name in names:
        if name in seen:
            twice[name] = None
        seen.add(name)
    return list(twice)
