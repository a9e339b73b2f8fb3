"""Hierarchical models of the literature against long runs of another sampler."""

import json
from pathlib import Path

import numpy as np
import pytest
from pyro.distributions import HalfCauchy, ImproperUniform, Normal, constraints

from bayes_mtl import MultiTaskModel, TaskData
from bayes_mtl.inference import NUTS, Collapsed
from bayes_mtl.likelihoods import Gaussian
from bayes_mtl.priors import Hierarchical
from tests.inference import cases

SAMPLER = Collapsed(NUTS(draws=500, warmup=300, chains=4, progress=False))
# The suite runs this one each time; `python -m benchmarks.reference` compares many more draws.
SHORT = Collapsed(NUTS(draws=400, warmup=150, chains=2, progress=False))


def compare(
    found: dict[str, np.ndarray], reference: dict[str, np.ndarray], of_mean: float = 0.1, of_sd: float = 0.1
) -> None:
    """Means within 0.1 posterior sd, sds within 10 %.

    Two thousand draws on either side: the standard error of a difference of means is 0.03 sd, so 0.1 is
    three of them; that of a ratio of sds 2 % for a Gaussian and 5 % for the heavy tail of tau.
    """
    for name, draws in found.items():
        expected = reference[name]
        assert abs(draws.mean() - expected.mean()) / expected.std() < of_mean, name
        assert abs(draws.std() / expected.std() - 1) < of_sd, name


def test_eight_schools(data_dir: Path) -> None:
    written = json.loads((data_dir / "reference" / "eight_schools.json").read_text())
    reference = dict(np.load(data_dir / "reference" / "eight_schools_draws.npz"))
    schools = [f"school {i + 1}" for i in range(8)]
    data = TaskData.from_arrays(np.zeros((8, 0)), written["y"], schools, noise=written["sigma"])
    prior = Hierarchical(mean=Normal(0.0, 5.0), scale=HalfCauchy(5.0), covariance="diagonal")
    model = MultiTaskModel(prior, Gaussian(noise="known"), standardize=False)
    draws = SHORT.run(model, data).draws
    found = {f"theta[{i + 1}]": draws["weights"][:, i].numpy() for i in range(8)}
    # 800 draws: standard errors of 0.042 sd, and for sds of 3 %, but of 8 % for tau.
    compare({"mu": draws["mean"].numpy(), **found}, reference, of_mean=0.13)
    compare({"tau": draws["scale"].numpy()}, reference, of_mean=0.13, of_sd=0.2)


@cases.slow
def test_rats(data_dir: Path) -> None:
    written = json.loads((data_dir / "reference" / "rats_data.json").read_text())
    reference = dict(np.load(data_dir / "reference" / "rats_draws.npz"))
    x = np.asarray(written["x"], dtype=float)[:, None] - written["xbar"]
    data = TaskData.from_arrays(x, np.asarray(written["y"], dtype=float), written["rat"])
    flat = ImproperUniform(constraints.positive, (), ())
    prior = Hierarchical(mean=Normal(0.0, 100.0), scale=flat, covariance="diagonal")
    model = MultiTaskModel(prior, Gaussian(scale=flat), standardize=False)
    posterior = SAMPLER.run(model, data)
    draws = posterior.draws
    order = [posterior.tasks.index(str(rat)) for rat in range(1, 31)]
    found = {
        "mu_alpha": draws["mean"][:, 0, 0].numpy(),
        "mu_beta": draws["mean"][:, 0, 1].numpy(),
        "sigma_alpha": draws["scale"][:, 0, 0].numpy(),
        "sigma_beta": draws["scale"][:, 0, 1].numpy(),
        "sigma_y": draws["noise_scale"].numpy(),
    }
    for i, t in enumerate(order):
        found[f"alpha[{i}]"] = draws["weights"][:, t, 0].numpy()
        found[f"beta[{i}]"] = draws["weights"][:, t, 1].numpy()
        reference[f"alpha[{i}]"] = reference["alpha"][..., i]
        reference[f"beta[{i}]"] = reference["beta"][..., i]
    compare(found, reference)


def test_the_reference_is_what_it_should_be(data_dir: Path) -> None:
    """The model of the draws is the one above: the weights' conditional mean given mu and tau."""
    written = json.loads((data_dir / "reference" / "eight_schools.json").read_text())
    reference = dict(np.load(data_dir / "reference" / "eight_schools_draws.npz"))
    precision = reference["tau"] ** -2
    for i, (y, sigma) in enumerate(zip(written["y"], written["sigma"], strict=True)):
        mean = (y / sigma**2 + precision * reference["mu"]) / (1 / sigma**2 + precision)
        left = (reference[f"theta[{i + 1}]"] - mean) * np.sqrt(1 / sigma**2 + precision)
        # Standard normal: 4.5 standard errors of 2,000 draws
        assert left.mean() == pytest.approx(0.0, abs=4.5 / np.sqrt(2000))
        assert left.std() == pytest.approx(1.0, abs=4.5 / np.sqrt(4000))
