"""How rows as the user has them become columns of numbers, remembered for new rows."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from bayes_mtl._errors import FileError, message
from bayes_mtl.data._columns_encoder import encode_columns


@dataclass(frozen=True)
class Encoder:
    """Encoding of rows, by column names or by a formula.

    Attributes
    ----------
    names
        Names of the encoded columns, in the order in which they are made.
    formula
        Right side of the formula; None where columns are taken as they are.
    levels
        Levels of each categorical part of the formula.
    state
        What the formula's functions remember of the data (knots, means), by call.
    """

    names: tuple[str, ...]
    formula: str | None = None
    levels: Mapping[str, tuple[str | float | bool, ...]] = field(default_factory=dict)
    state: Mapping[str, Any] = field(default_factory=dict)

    def apply(self, rows: Any) -> np.ndarray:
        """``[rows, names]`` float64."""
        return encode_columns(rows, self.names)

    def to_dict(self) -> dict[str, Any]:
        """Plain types only."""
        return {"names": list(self.names), "formula": self.formula}

    @classmethod
    def from_dict(cls, written: Mapping[str, Any]) -> "Encoder":
        """Rebuild what `to_dict` wrote."""
        try:
            return cls(tuple(written["names"]), written["formula"])
        except (KeyError, TypeError) as error:
            raise FileError(message("encoder", "names and formula", repr(error), "Save it again.")) from error
