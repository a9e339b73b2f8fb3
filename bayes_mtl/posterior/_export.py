"""Export of a posterior for ArviZ."""

from typing import TYPE_CHECKING, Any

import numpy as np

from bayes_mtl import _arviz
from bayes_mtl.data import TaskData
from bayes_mtl.data._require_data import require_data
from bayes_mtl.posterior._axes import coords, named_draws

if TYPE_CHECKING:
    from bayes_mtl.posterior._posterior import Posterior


def export(posterior: "Posterior", data: TaskData | None) -> Any:
    """See `Posterior.to_arviz`."""
    named = named_draws(posterior)
    labels = {_variable(dim): values for dim, values in coords(posterior, named).items()}
    chains = posterior.record.chains
    groups = {
        "posterior": {_variable(name): _by_chain(draws.values, chains) for name, draws in named.items()}
    }
    dims = {_variable(name): [_variable(dim) for dim in draws.dims] for name, draws in named.items()}
    if data is not None:
        require_data(data)
        groups |= _data_groups(posterior, data, labels, dims)
    used = {dim for names in dims.values() for dim in names}
    return _arviz.to_arviz(
        groups,
        coords={name: values for name, values in labels.items() if name in used},
        dims=dims,
        attrs=_attributes(posterior) | _fitted(data),
    )


def _data_groups(
    posterior: "Posterior", data: TaskData, labels: dict[str, np.ndarray], dims: dict[str, list[str]]
) -> dict[str, dict[str, np.ndarray]]:
    """The groups that hold observations; their axes are added to ``labels`` and ``dims``."""
    chains = posterior.record.chains
    # one table of axes serves all groups, so a target or input must not be called like a site
    target = _free(_variable(data.schema.target), dims)
    inputs = _free("x", {**dims, target: []})
    predicted = posterior.predict(data, keep_draws=True)
    # Positions along the posterior's axis of tasks: the data may hold some of them, in another order.
    task = posterior.program.schema.encode_tasks(np.asarray(data.schema.tasks, dtype=object))[data.task]
    rows = data.x[data.row] if data.step is None else data.x[data.row, data.step]
    groups = {
        "log_likelihood": {target: _by_chain(posterior.log_likelihood(data), chains)},
        "observed_data": {target: data.y},
        "constant_data": {inputs: np.asarray(rows), "task_of_observation": task},
    }
    if predicted.draws is not None:
        groups["posterior_predictive"] = {target: _by_chain(predicted.draws, chains)}
    labels["observation"] = np.asarray(data.index)
    labels["input"] = np.asarray(data.schema.columns, dtype=str)
    dims |= {target: ["observation"], "task_of_observation": ["observation"]}
    dims[inputs] = ["observation", "input"] if rows.ndim == 2 else ["observation", "step", "input"]
    return groups


def _variable(name: str) -> str:
    """A slash separates groups in netCDF files and in DataTree."""
    return name.replace("/", ".")


def _free(name: str, taken: dict[str, list[str]]) -> str:
    while name in taken:
        name += "_"
    return name


def _by_chain(values: np.ndarray, chains: int) -> np.ndarray:
    return values.reshape(chains, len(values) // chains, *values.shape[1:])


def _fitted(data: TaskData | None) -> dict[str, str]:
    return {} if data is None else {"target": data.schema.target}


def _attributes(posterior: "Posterior") -> dict[str, str]:
    """Where the numbers come from; text alone, which every file format keeps as it is."""
    record, program = posterior.record, posterior.program
    return {
        "inference_library": "bayes_mtl",
        "inference_library_version": record.versions.get("bayes-mtl", "unknown"),
        "inference_method": record.method,
        "prior": repr(program.prior),
        "likelihood": repr(program.likelihood),
        "network": "none" if program.network is None else type(program.network).__name__,
        "seed": str(record.seed),
        "device": record.device,
        "observations": str(record.observations),
        "seconds": f"{record.seconds:.3f}",
        "stopped": record.stopped,
        "divergences": str(record.divergences),
        "settings": ", ".join(f"{name}={value}" for name, value in record.settings.items()),
        "versions": ", ".join(f"{name} {value}" for name, value in record.versions.items()),
        "scale": "weights and fixed in the units of the data; all other sites on the standardised scale",
    }
