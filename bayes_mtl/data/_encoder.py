"""How rows as the user has them become columns of numbers, remembered for new rows."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from bayes_mtl._errors import FileError, InputError, message
from bayes_mtl.data._arrays import check_finite
from bayes_mtl.data._categories import Level, check_levels, prepare_frame
from bayes_mtl.data._columns_encoder import as_frame, encode_columns
from bayes_mtl.data._formula import Formula
from bayes_mtl.data._model_matrix import model_matrix
from bayes_mtl.data._names import listed
from bayes_mtl.data._plain import from_plain, to_plain


@dataclass(frozen=True)
class Encoder:
    """Encoding of rows, by column names or by a formula.

    Attributes
    ----------
    names
        Names of the encoded columns, in the order in which they are made.
    formula
        Right side of the formula; None where columns are taken as they are.
    columns
        Columns the formula uses: their levels, or None for numbers.
    levels
        Levels of each categorical part of the formula.
    state
        What the formula's functions remember of the data (knots, means), as `to_plain` writes it.
    """

    names: tuple[str, ...]
    formula: str | None = None
    columns: Mapping[str, tuple[Level, ...] | None] = field(default_factory=dict)
    levels: Mapping[str, tuple[Level, ...]] = field(default_factory=dict)
    state: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def fit(cls, formula: Formula, frame: Any) -> tuple["Encoder", np.ndarray, dict[str, tuple[str, ...]]]:
        """The encoder, ``[rows, names]`` float64, and the columns that each term became."""
        used = formula.variables(list(frame.columns))
        if "Intercept" in used:  # formulaic's name for its own, by which it is taken out again
            remedy = "A formula adds one, and '- 1' leaves it out; rename the column where it is another."
            raise InputError(message("formula", "names other than 'Intercept'", "it", remedy))
        prepared, columns = prepare_frame(frame, dict.fromkeys(used), fitting=True)
        made = model_matrix(formula.terms, prepared, {}, {})
        terms = {term: names for term, names in made.terms.items() if term != "1"}
        lone = [term for term, names in terms.items() if not names]
        if lone:
            raise InputError(
                message(
                    "formula", "categories with at least 2 levels", f"one in {listed(lone)}", "Drop the term."
                )
            )
        encoder = cls(made.names, formula.text, columns, made.levels, to_plain(dict(made.state)))
        return encoder, encoder._finite(made.x), terms

    def apply(self, rows: Any) -> np.ndarray:
        """``[rows, names]`` float64, encoded as the data of `fit`."""
        if self.formula is None:
            return encode_columns(rows, self.names)
        prepared, _ = prepare_frame(as_frame(rows, "rows"), self.columns, fitting=False)
        formula = Formula.parse(self.formula)
        formula.variables(tuple(self.columns))
        check_levels(prepared, self.levels)
        made = model_matrix(
            formula.terms, prepared, from_plain(self.state) if self.state else {}, self.levels
        )
        if made.names != self.names:
            raise InputError(
                message(
                    "rows", f"columns that encode to {listed(self.names)}", listed(made.names), "Check types."
                )
            )
        return self._finite(made.x)

    def _finite(self, x: np.ndarray) -> np.ndarray:
        check_finite(x, self.names, "formula")
        return x

    def to_dict(self) -> dict[str, Any]:
        """Plain types only, ready for JSON."""
        return {
            "names": list(self.names),
            "formula": self.formula,
            "columns": {
                name: None if levels is None else list(levels) for name, levels in self.columns.items()
            },
            "levels": {name: list(levels) for name, levels in self.levels.items()},
            "state": dict(self.state),
        }

    @classmethod
    def from_dict(cls, written: Mapping[str, Any]) -> "Encoder":
        """Rebuild what `to_dict` wrote; the formula is checked before it is ever evaluated.

        Raises
        ------
        FileError
            For anything else.
        InputError
            For a formula that uses more than columns, arithmetic and the allowed functions.
        """
        try:
            encoder = cls(
                names=tuple(str(name) for name in written["names"]),
                formula=written["formula"],
                columns={k: None if v is None else tuple(v) for k, v in written["columns"].items()},
                levels={name: tuple(levels) for name, levels in written["levels"].items()},
                state=dict(written["state"]),
            )
        except (KeyError, TypeError, AttributeError) as error:
            raise FileError(
                message("encoder", "what Encoder.to_dict wrote", repr(error), "Save it again.")
            ) from error
        if encoder.formula is not None:
            Formula.parse(encoder.formula).variables(tuple(encoder.columns))
        return encoder
