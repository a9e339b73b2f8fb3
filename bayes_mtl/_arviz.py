"""The one place that knows ArviZ's generations: `InferenceData` before 1.0, `DataTree` from then on.

Needs numpy and arviz only, so that it can be tested under both.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np


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


def psis(log_weights: np.ndarray) -> tuple[np.ndarray, float]:
    """Pareto-smoothed, normalised log weights and the shape ``k`` of their tail.

    References
    ----------
    Vehtari et al., Pareto smoothed importance sampling (JMLR 2024); k above 0.7 makes the weights,
    and what they correct, unreliable.
    """
    if generation() >= 1:
        from arviz_stats.base import array_stats

        smoothed, k = array_stats.psislw(log_weights, axis=-1)
    else:
        import arviz

        smoothed, k = arviz.psislw(log_weights)
    return np.asarray(smoothed), float(np.asarray(k))


def chain_statistics(values: np.ndarray) -> dict[str, np.ndarray]:
    """R-hat, bulk and tail effective sample size of ``[chains, draws, ...]``, each shaped like the rest."""
    flat = values.reshape(*values.shape[:2], -1)
    found = {"r_hat": [], "ess_bulk": [], "ess_tail": []}  # type: dict[str, list[float]]
    for i in range(flat.shape[-1]):
        one = flat[..., i]
        found["r_hat"].append(_rhat(one))
        found["ess_bulk"].append(_ess(one, "bulk"))
        found["ess_tail"].append(_ess(one, "tail"))
    return {name: np.asarray(numbers).reshape(values.shape[2:]) for name, numbers in found.items()}


def _rhat(chains: np.ndarray) -> float:
    if generation() >= 1:
        from arviz_stats.base import array_stats

        return float(array_stats.rhat(chains, chain_axis=0, draw_axis=1))
    import arviz

    return float(arviz.rhat(chains))


def _ess(chains: np.ndarray, method: str) -> float:
    if generation() >= 1:
        from arviz_stats.base import array_stats

        return float(array_stats.ess(chains, chain_axis=0, draw_axis=1, method=method))
    import arviz

    return float(arviz.ess(chains, method=method))
