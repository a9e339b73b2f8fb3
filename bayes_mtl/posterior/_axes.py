"""Named axes of every site, so that results carry the user's tasks, features and classes."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from bayes_mtl.posterior._group_names import group_names
from bayes_mtl.posterior._site_names import axis_names, kinds_of_tasks, likelihood_sites
from bayes_mtl.posterior._units import fixed_in_units, weights_in_units

if TYPE_CHECKING:
    from bayes_mtl.posterior._posterior import Posterior


@dataclass(frozen=True, eq=False)
class NamedDraws:
    """Draws of one site with the names of its axes (the axis of draws, first, is not named)."""

    values: np.ndarray
    dims: tuple[str, ...]


def named_draws(posterior: "Posterior") -> dict[str, NamedDraws]:
    """Every site with named axes; weights in the user's units; axes of a single output dropped."""
    own = likelihood_sites(posterior.program)
    found = {}
    for name in posterior.draws:
        values, dims = _named(posterior, name, own)
        keep = [dim != "output" or size > 1 for dim, size in zip(dims, values.shape[1:], strict=True)]
        shape = [size for size, kept in zip(values.shape[1:], keep, strict=True) if kept]
        dims = tuple(dim for dim, kept in zip(dims, keep, strict=True) if kept)
        found[name] = NamedDraws(values.reshape(len(values), *shape), dims)
    return found


def _named(posterior: "Posterior", name: str, own: frozenset[str]) -> tuple[np.ndarray, tuple[str, ...]]:
    program = posterior.program
    if name == "weights":
        values = weights_in_units(program, posterior.draws).numpy()
        unused = ~program.used.cpu().numpy()
        if unused.any():
            values = np.where(unused[:, None, :], np.nan, values)
        return values, ("task", "feature", "output")
    if name == "fixed":
        values = fixed_in_units(program, posterior.draws).numpy()
        per_task = values.shape[1] > 1
        values = values if per_task else values[:, 0]
        return values, (*(("task",) if per_task else ()), "fixed_feature", "output")
    values = posterior.draws[name].numpy()
    names_tasks = program.prior.dim_names.get(name.rpartition("/")[2], ())[:1] == ("task",)
    plated = values.shape[1] > 1 or (names_tasks and name not in own)
    values = values if plated else values[:, 0]
    names = axis_names(program, name, values.shape[1:], plated=plated, own=own)
    return _correlations(name, values, names), names


def _correlations(name: str, values: np.ndarray, names: tuple[str, ...]) -> np.ndarray:
    """Correlations in place of their Cholesky factors, which are what is sampled; other sites as they are."""
    square = len(names) > 1 and names[-1] == f"{names[-2]}_bis"
    if not (name.endswith("correlation") and square) or np.triu(values, 1).any():
        return values
    factor = values.astype(np.float64)
    matrix = factor @ factor.swapaxes(-1, -2)
    at = np.arange(matrix.shape[-1])
    matrix[..., at, at] = 1.0  # not 1 up to rounding, which would look like a quantity with a spread
    return matrix


def coords(posterior: "Posterior", named: dict[str, NamedDraws] | None = None) -> dict[str, np.ndarray]:
    """Labels of every named axis."""
    program = posterior.program
    schema = program.schema
    outputs = schema.classes if len(schema.classes) == program.outputs else tuple(range(program.outputs))
    labels: dict[str, np.ndarray] = {
        "feature": _text(program.features),
        "fixed_feature": _text(schema.fixed),
        "slope": _text(program.features[int(schema.intercept) :]),
        "group": _text(group_names(program)),
        "output": np.asarray(outputs) if program.outputs == 1 else _text(tuple(map(str, outputs))),
        "task_feature": _text(schema.task_features),
        "task_feature_or_intercept": _text(("Intercept", *schema.task_features)),
    }
    for name, tasks in kinds_of_tasks(program).items():
        labels[name] = _text(tuple(schema.tasks[t] for t in tasks))
        labels[f"{name}_bis"] = labels[name]
    labels["feature_bis"] = labels["feature"]
    for draws in (named_draws(posterior) if named is None else named).values():
        for dim, size in zip(draws.dims, draws.values.shape[1:], strict=True):
            labels.setdefault(dim, np.arange(size))
    return labels


def _text(names: tuple[str, ...]) -> np.ndarray:
    return np.asarray(names, dtype=str) if names else np.empty(0, dtype=str)
