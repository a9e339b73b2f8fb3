"""What formulaic remembers, as plain JSON types and back."""

from typing import Any

import numpy as np

from bayes_mtl._errors import FileError, UnsupportedError, message


def to_plain(value: Any) -> Any:
    """Numbers, text, lists and dictionaries; arrays and keys that are no text are marked."""
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, np.ndarray):
        return {"array": value.tolist()}
    if isinstance(value, dict):
        return {"items": [[to_plain(key), to_plain(entry)] for key, entry in value.items()]}
    if isinstance(value, (list, tuple)):
        return [to_plain(entry) for entry in value]
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    raise UnsupportedError(
        message(
            "formula", "functions whose memory is numbers", type(value).__name__, "Compute a column first."
        )
    )


def from_plain(value: Any) -> Any:
    """What `to_plain` was given, arrays as arrays and tuples as lists."""
    if isinstance(value, list):
        return [from_plain(entry) for entry in value]
    if not isinstance(value, dict):
        return value
    try:
        if "array" in value:
            return np.array(value["array"], dtype=np.float64)
        return {from_plain(key): from_plain(entry) for key, entry in value["items"]}
    except (KeyError, TypeError, ValueError) as error:
        raise FileError(message("encoder", "a saved state", repr(error), "Save it again.")) from error
