"""Reading a posterior back."""

import os
from copy import deepcopy
from typing import Any

import numpy as np
import torch
from pyro.distributions import Normal
from torch import Tensor, nn

from bayes_mtl import _files
from bayes_mtl._errors import FileError, UnsupportedError
from bayes_mtl.data import Scaling, Schema
from bayes_mtl.likelihoods import AbstractLikelihood
from bayes_mtl.model import MultiTaskModel, Program
from bayes_mtl.posterior._check_file import check_draws, check_record, check_scaling, check_tasks
from bayes_mtl.posterior._fit_record import FitRecord
from bayes_mtl.posterior._missing_likelihood import MissingLikelihood
from bayes_mtl.posterior._missing_network import MissingNetwork
from bayes_mtl.posterior._missing_prior import MissingPrior
from bayes_mtl.posterior._posterior import Posterior
from bayes_mtl.posterior._save import KIND
from bayes_mtl.posterior._spec import Foreign, decode, qualified_name
from bayes_mtl.priors import AbstractTaskPrior


def load(path: str | os.PathLike[str], model: MultiTaskModel | None = None) -> Posterior:
    """Read a posterior that `Posterior.save` wrote. Nothing in the file is executed.

    Parameters
    ----------
    path
        Of the file.
    model
        Needed only for parts that are your own classes (prior, likelihood, network): the model it was
        fitted with. Without it such a posterior still shows its draws and exports to ArviZ.

    Raises
    ------
    FileError
        For a file that is absent, foreign, truncated, tampered with, or of a newer version.
    UnsupportedError
        Where ``model`` has other parts than the file's.
    """
    tensors, meta = _files.read(path, KIND)
    try:
        return _rebuild(tensors, meta, model)
    except (LookupError, TypeError, ValueError, RuntimeError, AttributeError, ArithmeticError) as error:
        if isinstance(error, UnsupportedError):
            raise
        reason = f"it lacks {error}." if isinstance(error, KeyError) else str(error)[:500]
        raise FileError(f"'{path}' is damaged: {reason} Save the posterior again.") from error


def _rebuild(tensors: dict[str, Tensor], meta: dict[str, Any], model: MultiTaskModel | None) -> Posterior:
    schema, scaling = Schema.from_dict(meta["schema"]), Scaling.from_dict(meta["scaling"])
    outputs = check_scaling(scaling, schema)
    task_features = tensors.get("task_features")
    fixed = _part(meta["fixed"], "fixed", model)
    program = Program(
        prior=_prior(meta, model),
        likelihood=_likelihood(meta, model),
        network=_network(tensors, meta, model),
        fixed=Normal(0.0, 1.0) if isinstance(fixed, Foreign) else fixed,
        schema=schema,
        scaling=scaling,
        kinds=check_tasks(meta["kinds"], meta["used_outputs"], schema, outputs, task_features),
        used_outputs=torch.tensor(meta["used_outputs"]),
        task_features=task_features,
        offset=bool(meta.get("offset", False)),  # the first files do not tell
    )
    if not isinstance(program.prior, MissingPrior):
        program.states.load_state_dict(_under(tensors, "state/"))
    draws = {name: tensors[f"draws/{name}"] for name in meta["sites"]}
    weights = tensors.get("log_weights")
    number = check_draws(draws, (len(schema.tasks), len(program.features), outputs), weights)
    told = check_record(meta["record"], number)
    record = FitRecord(
        **{**told, "held_out": np.array(told["held_out"], dtype=np.float64)},
        losses=tensors["losses"].numpy(),
        log_weights=None if weights is None else weights.numpy(),
    )
    return Posterior(program.eval(), draws, record)


def _part(written: Any, name: str, model: MultiTaskModel | None) -> Any:
    """One part of the model, the user's own taken from ``model``."""
    own = None if model is None else getattr(model, name)
    part = decode(written, own)
    if isinstance(part, Foreign) and model is not None:
        raise UnsupportedError(
            f"The posterior was saved with your own class {part.name}, but the {name} of model= is "
            f"{qualified_name(own)}. Pass the model it was fitted with."
        )
    return part


def _prior(meta: dict[str, Any], model: MultiTaskModel | None) -> AbstractTaskPrior:
    part = _part(meta["prior"], "prior", model)
    if isinstance(part, Foreign):
        return MissingPrior(part.name, {site: tuple(names) for site, names in meta["dim_names"].items()})
    if not isinstance(part, AbstractTaskPrior):
        raise FileError("The file's prior is something else.")
    return part


def _likelihood(meta: dict[str, Any], model: MultiTaskModel | None) -> AbstractLikelihood:
    part = _part(meta["likelihood"], "likelihood", model)
    if isinstance(part, Foreign):
        return MissingLikelihood(part.name, tuple(meta["likelihood_sites"]))
    if not isinstance(part, AbstractLikelihood):
        raise FileError("The file's likelihood is something else.")
    return part


def _network(
    tensors: dict[str, Tensor], meta: dict[str, Any], model: MultiTaskModel | None
) -> nn.Module | None:
    if meta["network"] is None:
        return None
    state = _under(tensors, "network/")
    with torch.device("meta"):  # sizes without memory: those that a file claims may be absurd
        claimed = decode(meta["network"])
    if isinstance(claimed, nn.Module):
        sizes = {name: value.shape for name, value in claimed.state_dict().items()}
        if sizes != {name: value.shape for name, value in state.items()}:
            raise FileError("The file's network has parameters of other sizes.")
    part = _part(meta["network"], "network", model)
    if isinstance(part, Foreign):
        return MissingNetwork(part.name, int(meta["out_features"]))
    if not isinstance(part, nn.Module):
        raise FileError("The file's network is something else.")
    network = deepcopy(part)
    network.load_state_dict(state)
    return network


def _under(tensors: dict[str, Tensor], prefix: str) -> dict[str, Tensor]:
    return {name.removeprefix(prefix): v for name, v in tensors.items() if name.startswith(prefix)}
