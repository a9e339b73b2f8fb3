"""Writing a posterior to one file."""

import os
from pathlib import Path
from typing import TYPE_CHECKING

import torch

from bayes_mtl import _files
from bayes_mtl.posterior._lacking import lacking
from bayes_mtl.posterior._missing_likelihood import MissingLikelihood
from bayes_mtl.posterior._missing_network import MissingNetwork
from bayes_mtl.posterior._missing_prior import MissingPrior
from bayes_mtl.posterior._site_names import likelihood_sites
from bayes_mtl.posterior._spec import encode

if TYPE_CHECKING:
    from bayes_mtl.posterior._posterior import Posterior

KIND = "posterior"


def save(posterior: "Posterior", path: str | os.PathLike[str]) -> Path:
    """See `Posterior.save`."""
    program, record = posterior.program, posterior.record
    for part in (program.network, program.likelihood, program.prior):
        if isinstance(part, (MissingNetwork, MissingLikelihood, MissingPrior)):
            lacking(part.part)
    tensors = {f"draws/{name}": value for name, value in posterior.draws.items()}
    tensors["losses"] = torch.as_tensor(record.losses)
    if record.log_weights is not None:
        tensors["log_weights"] = torch.as_tensor(record.log_weights)
    if program.task_features is not None:
        tensors["task_features"] = program.task_features
    if program.network is not None:
        tensors |= {f"network/{name}": value for name, value in program.network.state_dict().items()}
    tensors |= {f"state/{name}": v.contiguous() for name, v in program.states.state_dict().items()}
    meta = {
        "sites": list(posterior.draws),  # their order: the file sorts them
        "schema": program.schema.to_dict(),
        "scaling": program.scaling.to_dict(),
        "record": record.to_dict(),
        "kinds": [[name, list(tasks)] for name, tasks in program.kinds],
        "offset": program.offset,
        "used_outputs": program.used.sum(1).tolist(),
        "prior": encode(program.prior),
        "likelihood": encode(program.likelihood),
        "dim_names": {site: list(names) for site, names in program.prior.dim_names.items()},
        "likelihood_sites": sorted(likelihood_sites(program)),
        "fixed": encode(program.fixed_prior),
        "network": None if program.network is None else encode(program.network),
        "out_features": None if program.network is None else program.network.out_features,
    }
    return _files.write(path, tensors, meta, KIND)
