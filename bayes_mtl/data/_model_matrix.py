"""The one place that evaluates a formula, through formulaic."""

import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from bayes_mtl._errors import InputError, message
from bayes_mtl.data._categories import Level


@dataclass(frozen=True)
class ModelMatrix:
    """What a formula made of a frame.

    Attributes
    ----------
    x
        ``[rows, names]`` float64, without the intercept.
    names
        Names of the columns.
    terms
        Columns of each term.
    levels
        Levels of each categorical part.
    state
        What the functions remember.
    """

    x: np.ndarray
    names: tuple[str, ...]
    terms: Mapping[str, tuple[str, ...]]
    levels: Mapping[str, tuple[Level, ...]]
    state: Mapping[str, Any]


def model_matrix(
    terms: Any, frame: Any, state: Mapping[str, Any], levels: Mapping[str, tuple[Level, ...]]
) -> ModelMatrix:
    """Evaluate checked ``terms`` on ``frame``, as remembered in ``state`` and ``levels``."""
    from formulaic import ModelSpec
    from formulaic.errors import DataMismatchWarning, FormulaicError
    from formulaic.parser.types import Factor

    remembered = {
        name: (Factor.Kind.CATEGORICAL, {"categories": list(known)}) for name, known in levels.items()
    }
    spec = ModelSpec(
        formula=terms,
        transform_state=dict(state),
        encoder_state=remembered,
        na_action="ignore",
        output="pandas",
    )
    try:
        with warnings.catch_warnings(), np.errstate(all="ignore"):
            # A level that was not seen would become a row of zeros, with a warning only.
            warnings.simplefilter("error", DataMismatchWarning)
            made = spec.get_model_matrix(frame, context={"sqrt": np.sqrt, "abs": np.abs, **_MORE})
            x = np.asarray(made, dtype=np.float64)
    except DataMismatchWarning as warning:
        new = str(warning).partition("{")[2].partition("}")[0]
        raise InputError(
            message(
                "formula",
                "categories among the levels it knows",
                new.replace("np.int64", "").replace("np.float64", ""),
                "A category that was not in the data has no weight; drop these rows or merge levels.",
            )
        ) from warning
    except (FormulaicError, ValueError, TypeError, ArithmeticError, KeyError) as error:
        remedy = "Compute the column first, or change the formula."
        if "extrapolation" in str(error):
            remedy = "Write bs(..., extrapolation='extend'), or give the spline lower_bound and upper_bound."
        raise InputError(message("formula", "terms that can be evaluated", str(error), remedy)) from error
    done = made.model_spec
    kept = [i for i, name in enumerate(made.columns) if name != "Intercept"]
    names = tuple(str(made.columns[i]) for i in kept)
    by_term = {str(row.term): tuple(map(str, row.columns)) for row in done.structure}
    found = {
        name: tuple(_level(value) for value in memory["categories"])
        for name, (kind, memory) in done.encoder_state.items()
        if kind is Factor.Kind.CATEGORICAL
    }
    return ModelMatrix(x[:, kept], names, by_term, found, dict(done.transform_state))


_MORE = {
    name: getattr(np, name)
    for name in (
        "log1p",
        "expm1",
        "sign",
        "sin",
        "cos",
        "tan",
        "tanh",
        "floor",
        "ceil",
        "square",
        "minimum",
        "maximum",
    )
}


def _level(value: Any) -> Level:
    plain: Level = value.item() if isinstance(value, np.generic) else value
    return plain
