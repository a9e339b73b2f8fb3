"""A fit of all unknowns at once, the weights among them, by what samples any program."""

import time
from collections.abc import Callable
from typing import Any

import torch

from bayes_mtl._errors import UnsupportedError
from bayes_mtl._seed import seeded
from bayes_mtl.data import TaskData
from bayes_mtl.inference._hyper import LatentDraws
from bayes_mtl.inference._local import local_parameters
from bayes_mtl.inference._only_svi import require_fixed_joint
from bayes_mtl.inference._singular import singular_explained
from bayes_mtl.inference._start import start_values
from bayes_mtl.model import MultiTaskModel
from bayes_mtl.posterior import FitRecord, Posterior, build_posterior


def sample_whole(
    name: str,
    settings: dict[str, str],
    sample: Callable[..., LatentDraws],
    model: MultiTaskModel,
    data: TaskData,
    seed: int,
) -> Posterior:
    """Posterior of a model without a network.

    Parameters
    ----------
    name, settings
        Of the inference, for the record of the fit.
    sample
        Its draws of a program, given arguments and starting values.

    Raises
    ------
    UnsupportedError
        For a network, and a prior that is no fixed joint distribution.
    """
    require_fixed_joint(model.prior, model.network, name)
    if model.network is not None:
        raise UnsupportedError(
            f"{name} takes no network, not even a Frozen one. Use SVI, or Collapsed for a Frozen one and a "
            "Gaussian likelihood; or make the network's outputs the features of the data."
        )
    began = time.perf_counter()
    with seeded(seed), local_parameters(), singular_explained():
        program = model.program(data)
        arguments: tuple[Any, ...] = (program.batch(data, dtype=torch.float64),)
        found = sample(program, arguments, start_values(program, data))
        record = FitRecord(
            method=name,
            settings=settings,
            seed=seed,
            device="cpu",
            seconds=time.perf_counter() - began,
            stopped=found.stopped,
            observations=len(data),
            chains=found.chains,
            divergences=found.divergences,
        )
        posterior = build_posterior(program, found.values, record)
    return posterior.with_record(seconds=time.perf_counter() - began)
