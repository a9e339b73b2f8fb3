"""What ranks are taken of: entries of a posterior's draws that mean the same in every fit."""

from collections.abc import Mapping

import numpy as np

from bayes_mtl.diagnostics._suspects import mirrored
from bayes_mtl.posterior import Posterior

ARBITRARY = frozenset({"cluster", "rank", "factor", "merger", "child_child_time", "time_lineage"})
"""Axes whose order means nothing: labels may be exchanged between a simulation's truth and its fit."""
_ENTRIES = 8
"""Entries a site, evenly over it: neighbours in a large one tell much the same."""


def named_entries(posterior: Posterior) -> dict[str, np.ndarray]:
    """``[draws]`` of entries of every site whose entries have a meaning, by name; up to eight a site."""
    found: dict[str, np.ndarray] = {}
    for site, variable in posterior.to_arviz()["posterior"].data_vars.items():
        dims = variable.dims[2:]
        if ARBITRARY.intersection(dims):
            continue
        values = np.asarray(variable.values, dtype=np.float64)
        flat = values.reshape(posterior.number, -1)
        usable = np.flatnonzero(~mirrored(values))
        usable = usable[np.unique(np.linspace(0, len(usable) - 1, min(len(usable), _ENTRIES)).astype(int))]
        labels = [np.asarray(variable.coords[dim].values) for dim in dims]
        for i in usable:
            at = np.unravel_index(i, values.shape[2:])
            entry = ", ".join(str(label[j]) for label, j in zip(labels, at, strict=True))
            found[f"{site}[{entry}]" if entry else str(site)] = flat[:, i]
    return found


def of_names(entries: Mapping[str, np.ndarray], names: list[str]) -> np.ndarray:
    """``[draws, names]`` of entries in a fixed order."""
    return np.stack([entries[name] for name in names], 1)
