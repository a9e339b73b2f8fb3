"""Names of the axes of every site, so that results carry the user's tasks, features and classes."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from bayes_mtl.posterior._units import fixed_in_units, weights_in_units

if TYPE_CHECKING:
    from bayes_mtl.posterior._posterior import Posterior

_DIM_NAMES = {
    "fixed": ("fixed_feature", "output"),
    "mean": ("feature", "output"),
    "scale": ("feature", "output"),
    "correlation": ("feature", "feature_bis"),
    "task_correlation": ("task", "task_bis"),
    "direction": ("feature", "output", "rank"),
    "strength": ("rank",),
}


@dataclass(frozen=True, eq=False)
class NamedDraws:
    """Draws of one site with the names of its axes (the axis of draws, first, is not named)."""

    values: np.ndarray
    dims: tuple[str, ...]


def named_draws(posterior: "Posterior") -> dict[str, NamedDraws]:
    """Every site with named axes; weights in the user's units; axes of a single output dropped."""
    program, found = posterior.program, {}
    for name, value in posterior.draws.items():
        if name == "weights":
            values = weights_in_units(program, posterior.draws).numpy().astype(np.float64)
            if len(program.kinds) > 1 and program.outputs > 1:
                values[:, ~program.used.numpy()[:, None, :].repeat(values.shape[2], 1)] = np.nan
            dims: tuple[str, ...] = ("task", "feature", "output")
        elif name == "fixed":
            values = fixed_in_units(program, posterior.draws).numpy()
            per_task = values.shape[1] > 1
            values = values if per_task else values[:, 0]
            dims = ("task",) * per_task + ("fixed_feature", "output")
        else:
            values = value.numpy()
            plated = values.shape[1] == len(posterior.tasks) > 1 or "/" in name and values.shape[1] > 1
            values = values if plated else values[:, 0]
            dims = _dims(posterior, name, values.shape[1:], plated)
        keep = [dim != "output" or size > 1 for dim, size in zip(dims, values.shape[1:], strict=True)]
        shape = [size for size, kept in zip(values.shape[1:], keep, strict=True) if kept]
        dims = tuple(dim for dim, kept in zip(dims, keep, strict=True) if kept)
        found[name] = NamedDraws(values.reshape(len(values), *shape), dims)
    return found


def coords(posterior: "Posterior") -> dict[str, np.ndarray]:
    """Labels of every named axis."""
    program = posterior.program
    schema = program.schema
    outputs = schema.classes if len(schema.classes) == program.outputs else tuple(range(program.outputs))
    labels: dict[str, np.ndarray] = {
        "task": _text(schema.tasks),
        "feature": _text(program.features),
        "fixed_feature": _text(schema.fixed),
        "output": np.asarray(outputs) if program.outputs == 1 else _text(tuple(map(str, outputs))),
        "task_feature": _text(schema.task_features),
        "task_feature_or_intercept": _text(("Intercept", *schema.task_features)),
    }
    for name in ("task", "feature"):
        labels[f"{name}_bis"] = labels[name]
    for kind, tasks in program.kinds:
        if kind:
            labels[f"task_{kind}"] = _text(tuple(schema.tasks[t] for t in tasks))
    for draws in named_draws(posterior).values():
        for dim, size in zip(draws.dims, draws.values.shape[1:], strict=True):
            labels.setdefault(dim, np.arange(size))
    return labels


def _dims(posterior: "Posterior", name: str, shape: tuple[int, ...], plated: bool) -> tuple[str, ...]:
    kind, _, site = name.rpartition("/")
    known = {**_DIM_NAMES, **posterior.program.prior.dim_names}.get(site, ())
    task = f"task_{kind}" if kind else "task"
    if len(known) == len(shape):
        return tuple(task if dim == "task" else dim for dim in known)
    sizes = {len(posterior.features): "feature", posterior.program.outputs: "output"}
    dims: list[str] = [task] if plated else []
    for i, size in enumerate(shape[len(dims) :]):
        dim = sizes.get(size, f"{name}_dim_{i}") if size > 1 else f"{name}_dim_{i}"
        dims.append(f"{dim}_bis" if dim in dims else dim)
    return tuple(dims)


def _text(names: tuple[str, ...]) -> np.ndarray:
    return np.asarray(names, dtype=str) if names else np.empty(0, dtype=str)
