"""Posteriors with planted faults, made from one quick fit."""

from collections.abc import Sequence
from dataclasses import replace
from functools import cache
from typing import Any

import numpy as np
import torch

from bayes_mtl import MultiTaskModel, Posterior, TaskData
from bayes_mtl.inference import MAP, Collapsed
from bayes_mtl.likelihoods import Gaussian
from bayes_mtl.priors import Hierarchical


def data(tasks: int = 30, rows: int = 20, names: Sequence[str] | None = None) -> TaskData:
    """Tasks around a common mean, with two features."""
    rng = np.random.default_rng(0)
    names = [f"school {i:03d}" for i in range(tasks)] if names is None else list(names)
    weights = np.array([1.0, -1.0, 0.5]) + 0.5 * rng.normal(size=(len(names), 3))
    x = rng.normal(size=(len(names) * rows, 2))
    task = np.repeat(np.arange(len(names)), rows)
    y = weights[task, 0] + (x * weights[task, 1:]).sum(1) + 0.5 * rng.normal(size=len(x))
    return TaskData.from_arrays(x, y, np.array(names)[task], feature_names=["age", "intake"])


@cache
def exact(
    tasks: int = 30, draws: int = 2000, names: tuple[str, ...] | None = None, laplace: int = 150
) -> Posterior:
    """Independent draws; hyperparameters by a Gaussian around their mode, or at it (``laplace=0``)."""
    model = MultiTaskModel(Hierarchical(), Gaussian())
    return Collapsed(MAP(laplace=laplace, draws=draws), draws=draws).run(model, data(tasks, names=names))


def as_chains(posterior: Posterior, chains: int = 4, **changes: Any) -> Posterior:
    """The same draws, passed off as those of NUTS."""
    record = {"method": "NUTS", "losses": np.empty(0), "log_weights": None, "stopped": "finished"}
    return posterior.with_record(chains=chains, **record, **changes)


def moved(posterior: Posterior, site: str, at: tuple[int, ...], by: torch.Tensor) -> Posterior:
    """Draws with one entry of a site shifted by ``by`` (one number a draw)."""
    value = posterior.draws[site].clone()
    value[(slice(None), *at)] += by
    return replace(posterior, draws={**posterior.draws, site: value})
