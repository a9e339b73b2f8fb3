"""Runs the ArviZ adapter on fixed inputs and prints what comes out as JSON; needs numpy and arviz only.

``python arviz_probe.py bayes_mtl/_arviz.py`` loads the adapter from its file, so that it also runs where
bayes_mtl is not installed: beside the other generation of ArviZ.
"""

import importlib.util
import json
import sys
import warnings
from types import ModuleType
from typing import Any

import numpy as np

TASKS = ["a", "b", "c"]
AR = (0.0, 0.5, 0.9)
CHAINS, DRAWS = 4, 2_000
OBSERVATIONS = 20
SHIFTS = (0.0, 0.2, 1.0)


def chains() -> np.ndarray:
    """``[chains, draws, shifts, AR coefficients]``: stationary AR(1), the last chain shifted."""
    noise = np.random.default_rng(3).normal(size=(CHAINS, DRAWS + 500, len(AR)))
    phi, values = np.array(AR), np.zeros_like(noise)
    for i in range(1, noise.shape[1]):
        values[:, i] = phi * values[:, i - 1] + np.sqrt(1 - phi**2) * noise[:, i]
    values = np.repeat(values[:, 500:, None], len(SHIFTS), 2)
    values[-1] += np.array(SHIFTS)[:, None]
    return values


def odd_chains() -> dict[str, np.ndarray]:
    """Chains of which nothing, or only a part, can be told."""
    normal = np.random.default_rng(4).normal(size=(4, 500, 1))
    return {
        "constant": np.ones((4, 100, 1)),
        "stuck": np.broadcast_to(np.arange(4.0)[:, None, None], (4, 100, 1)),
        "nan": np.where(np.arange(500)[:, None] < 1, np.nan, normal),
        "one_chain": normal[:1],
        "three_draws": normal[:, :3],
    }


def exported(adapter: ModuleType) -> dict[str, Any]:
    """What an export holds, read the way that works for both generations."""
    weights = np.arange(2 * 5 * 3, dtype=float).reshape(2, 5, 3)
    result = adapter.to_arviz(
        {
            "posterior": {"weights": weights, "sd": weights[..., 0]},
            "log_likelihood": {"y": weights[..., :2]},
            "observed_data": {"y": np.array([1.5, 2.5])},
        },
        coords={"task": np.array(TASKS), "observation": np.array(["i", "ii"])},
        dims={"weights": ["task"], "y": ["observation"]},
        attrs={"seed": "7"},
    )
    posterior = result["posterior"]
    return {
        "sites": {str(name): list(map(str, v.dims)) for name, v in posterior.data_vars.items()},
        "tasks": posterior["weights"].coords["task"].values.tolist(),
        "task_b": posterior["weights"].sel(task="b").values.tolist(),
        "log_likelihood": list(map(str, result["log_likelihood"]["y"].dims)),
        "observed": result["observed_data"]["y"].sel(observation="ii").item(),
        "observed_dims": list(map(str, result["observed_data"]["y"].dims)),
        "seeds": [result[group].attrs["seed"] for group in ("posterior", "log_likelihood", "observed_data")],
    }


def normal_means(adapter: ModuleType, shift: float = 0.0) -> Any:
    """Export of 4,000 exact draws: ``y_i ~ N(mu, 1)``, flat prior of ``mu``; or of draws that are off."""
    rng = np.random.default_rng(5)
    y = rng.normal(size=OBSERVATIONS)
    mu = shift + y.mean() + rng.normal(size=(4, 1000)) / np.sqrt(len(y))
    log_likelihood = -0.5 * (y - mu[..., None]) ** 2 - 0.5 * np.log(2 * np.pi)
    predicted = mu[..., None] + rng.normal(size=(4, 1000, len(y)))
    effects = rng.normal(size=(4, 1000, len(TASKS)))
    return adapter.to_arviz(
        {
            "posterior": {"mu": mu, "effect": effects},
            "log_likelihood": {"y": log_likelihood},
            "posterior_predictive": {"y": predicted},
            "observed_data": {"y": y},
        },
        coords={"task": np.array(TASKS), "observation": np.arange(len(y))},
        dims={"effect": ["task"], "y": ["observation"]},
        attrs={},
    )


def used_directly(adapter: ModuleType) -> dict[str, Any]:
    """What ArviZ's own functions make of an export that nobody has prepared for them."""
    import arviz

    exact, off = normal_means(adapter), normal_means(adapter, shift=0.5)
    loo = arviz.loo(exact)
    table = arviz.compare({"exact": exact, "off": off})
    old = ["plot_forest", "plot_trace", "plot_posterior", "plot_ppc", "plot_rank", "plot_ess"]
    new = ["plot_forest", "plot_trace", "plot_dist", "plot_ppc_dist", "plot_rank", "plot_ess"]
    drawn = []
    for name in new if adapter.generation() >= 1 else old:
        getattr(arviz, name)(exact)
        drawn.append(name)
    return {
        "elpd": float(loo.elpd if adapter.generation() >= 1 else loo.elpd_loo),
        "best": str(table.index[0]),
        "drawn": len(drawn),
    }


def probe(adapter: ModuleType) -> dict[str, Any]:
    """Everything above, through the adapter, as plain numbers."""
    found: dict[str, Any] = {"generation": adapter.generation(), "export": exported(adapter)}
    found["direct"] = used_directly(adapter)
    statistics = adapter.chain_statistics(chains())
    found["chains"] = {name: values.tolist() for name, values in statistics.items()}
    found["odd_chains"] = {
        name: {key: values.tolist() for key, values in adapter.chain_statistics(draws).items()}
        for name, draws in odd_chains().items()
    }
    return found


def load(path: str) -> ModuleType:
    """The adapter from its file alone."""
    spec = importlib.util.spec_from_file_location("adapter", path)
    if spec is None or spec.loader is None:
        raise FileNotFoundError(path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


if __name__ == "__main__":
    warnings.simplefilter("error")
    warnings.filterwarnings("ignore", message="\nArviZ is undergoing a major refactor")
    print(json.dumps(probe(load(sys.argv[1]))))
