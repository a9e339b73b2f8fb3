"""Reading a posterior back."""

import os
from copy import deepcopy
from typing import Any

import torch
from pyro.distributions import Normal
from torch import Tensor, nn

from bayes_mtl import _files
from bayes_mtl._errors import FileError, InputError
from bayes_mtl.data import Scaling, Schema
from bayes_mtl.likelihoods import AbstractLikelihood
from bayes_mtl.model import MultiTaskModel, Program
from bayes_mtl.posterior._fit_record import FitRecord
from bayes_mtl.posterior._missing import MissingLikelihood, MissingNetwork, MissingPrior
from bayes_mtl.posterior._posterior import Posterior
from bayes_mtl.posterior._save import KIND
from bayes_mtl.posterior._spec import Foreign, decode
from bayes_mtl.priors import AbstractTaskPrior


def load(path: str | os.PathLike[str], model: MultiTaskModel | None = None) -> Posterior:
    """Read a posterior that `Posterior.save` wrote. Nothing in the file is executed.

    Parameters
    ----------
    model
        Needed only for parts that are your own classes (prior, likelihood, network): the model it was
        fitted with. Without it such a posterior still shows its draws and exports to ArviZ.

    Raises
    ------
    FileError
        For a file that is absent, foreign, truncated, tampered with, or of a newer version.
    """
    tensors, meta = _files.read(path, KIND)
    try:
        return _rebuild(tensors, meta, model)
    except (KeyError, TypeError, ValueError, IndexError, RuntimeError, AttributeError) as error:
        if isinstance(error, InputError):
            raise
        raise FileError(f"'{path}' is damaged: {error}. Save the posterior again.") from error


def _rebuild(tensors: dict[str, Tensor], meta: dict[str, Any], model: MultiTaskModel | None) -> Posterior:
    prior, likelihood = decode(meta["prior"]), decode(meta["likelihood"])
    if isinstance(prior, Foreign):
        prior = MissingPrior(prior.name) if model is None else model.prior
    if isinstance(likelihood, Foreign):
        likelihood = MissingLikelihood(likelihood.name) if model is None else model.likelihood
    if not isinstance(prior, AbstractTaskPrior) or not isinstance(likelihood, AbstractLikelihood):
        raise FileError("The file's prior or likelihood is something else. Save the posterior again.")
    fixed = decode(meta["fixed"])
    program = Program(
        prior=prior,
        likelihood=likelihood,
        network=_network(tensors, meta, model),
        fixed=(Normal(0.0, 1.0) if model is None else model.fixed) if isinstance(fixed, Foreign) else fixed,
        schema=Schema.from_dict(meta["schema"]),
        scaling=Scaling.from_dict(meta["scaling"]),
        kinds=meta["kinds"],
        used_outputs=torch.tensor(meta["used_outputs"]),
        task_features=tensors.get("task_features"),
    )
    weights = tensors.get("log_weights")
    record = FitRecord(
        **meta["record"],
        losses=tensors["losses"].numpy(),
        log_weights=None if weights is None else weights.numpy(),
    )
    draws = {name.removeprefix("draws/"): v for name, v in tensors.items() if name.startswith("draws/")}
    expected = (len(program.schema.tasks), len(program.features), program.outputs)
    if draws["weights"].shape[1:] != expected:
        raise FileError(
            f"The file's weights have shape {tuple(draws['weights'].shape[1:])}, expected {expected}."
        )
    return Posterior(program.eval(), draws, record)


def _network(
    tensors: dict[str, Tensor], meta: dict[str, Any], model: MultiTaskModel | None
) -> nn.Module | None:
    if meta["network"] is None:
        return None
    network = decode(meta["network"])
    if isinstance(network, Foreign):
        if model is None or model.network is None:
            return MissingNetwork(network.name, int(meta["out_features"]))
        network = deepcopy(model.network)
    if not isinstance(network, nn.Module):
        raise FileError("The file's network is something else. Save the posterior again.")
    state = {name.removeprefix("network/"): v for name, v in tensors.items() if name.startswith("network/")}
    network.load_state_dict(state)
    return network
