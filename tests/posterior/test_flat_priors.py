"""Hyperpriors that have a density and no draws."""

import numpy as np
import pytest
import torch
from pyro.distributions import ImproperUniform, constraints

from bayes_mtl import MultiTaskModel, TaskData
from bayes_mtl.diagnostics import check
from bayes_mtl.inference import Collapsed
from bayes_mtl.likelihoods import Gaussian
from bayes_mtl.priors import Hierarchical


@pytest.mark.parametrize("noise", ["shared", "task"])
def test_flat_hyperpriors_are_reported_like_others(noise: str) -> None:
    flat = ImproperUniform(constraints.positive, torch.Size(), torch.Size())
    random = np.random.default_rng(0)
    data = TaskData.from_arrays(random.normal(size=(60, 1)), random.normal(size=60), np.arange(60) % 6)
    model = MultiTaskModel(Hierarchical(scale=flat, covariance="diagonal"), Gaussian(scale=flat, noise=noise))
    posterior = Collapsed(draws=50).run(model, data)
    exported = posterior.to_arviz()["posterior"]
    assert exported["noise_scale"].dims == ("chain", "draw", *(["task"] if noise == "task" else []))
    assert len(posterior.summary()) > 0
    assert "k-hat" in str(check(posterior))
