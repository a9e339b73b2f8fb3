"""The one place that knows ArviZ's generations: `InferenceData` before 1.0, `DataTree` from then on.

Needs numpy and arviz only, so that it can be tested under both.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

_FEWEST_DRAWS = 4


def generation() -> int:
    """Major version of the installed ArviZ."""
    import arviz

    return int(arviz.__version__.split(".")[0])


def to_arviz(
    groups: Mapping[str, Mapping[str, np.ndarray]],
    coords: Mapping[str, Any],
    dims: Mapping[str, Sequence[str]],
    attrs: Mapping[str, str],
) -> Any:
    """Named groups of arrays for ArviZ.

    Parameters
    ----------
    groups
        Group name -> variable -> array; sampled groups have axes ``[chain, draw, ...]`` first.
    coords, dims
        Labels of the axes, and the names of each variable's own axes.
    attrs
        Provenance, attached to every group.

    Returns
    -------
    ``arviz.InferenceData`` or ``xarray.DataTree``.
    """
    import arviz

    content = {name: dict(variables) for name, variables in groups.items()}
    shared: dict[str, Any] = {"coords": dict(coords), "dims": {k: list(v) for k, v in dims.items()}}
    if generation() >= 1:
        result = arviz.from_dict(content, **shared)
        for name in content:
            result[name].attrs.update(attrs)
        return result
    result = arviz.from_dict(**content, **shared)
    for name in content:
        result[name].attrs.update(attrs)
    return result


def chain_statistics(values: np.ndarray) -> dict[str, np.ndarray]:
    """R-hat, bulk and tail effective sample size of every entry.

    Parameters
    ----------
    values
        ``[chains, draws, ...]``. ArviZ goes through the entries one by one, some milliseconds each.

    Returns
    -------
    dict
        ``r_hat``, ``ess_bulk`` and ``ess_tail``, each shaped like the rest; NaN where there are too few
        chains or draws to tell, or where an entry does not vary.

    References
    ----------
    Vehtari, Gelman, Simpson, Carpenter and Bürkner (Bayesian Analysis 2021): rank-normalised split R-hat.
    """
    r_hat, ess = _rank_statistics()
    flat = np.asarray(values, dtype=np.float64).reshape(*values.shape[:2], -1)
    found = {name: np.full(flat.shape[-1], np.nan) for name in ("r_hat", "ess_bulk", "ess_tail")}
    # ArviZ reports each of these cases on stderr, entry by entry.
    told = np.isfinite(flat).all((0, 1)) & (np.ptp(flat, axis=(0, 1)) > 0) & (flat.shape[1] >= _FEWEST_DRAWS)
    for i in np.flatnonzero(told):
        if len(flat) > 1:
            found["r_hat"][i] = r_hat(flat[..., i])
        for kind in ("bulk", "tail"):
            found[f"ess_{kind}"][i] = ess(flat[..., i], kind)
    return {name: numbers.reshape(values.shape[2:]) for name, numbers in found.items()}


def _rank_statistics() -> tuple[Callable[[np.ndarray], float], Callable[[np.ndarray, str], float]]:
    """R-hat and effective sample size of one quantity, ``[chains, draws]``."""
    if generation() >= 1:
        from arviz_stats.base import array_stats as source

        axes: dict[str, Any] = {"chain_axis": 0, "draw_axis": 1}
    else:
        import arviz as source

        axes = {}

    def ess(chains: np.ndarray, method: str) -> float:
        # The default of the old generation; the new one has none.
        tails = {"prob": (0.05, 0.95)} if method == "tail" else {}
        return float(source.ess(chains, method=method, **axes, **tails))

    return lambda chains: float(source.rhat(chains, **axes)), ess
