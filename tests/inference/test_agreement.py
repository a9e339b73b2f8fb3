"""Every way to the posterior of one small model agrees with quadrature over its two hyperparameters."""

from dataclasses import dataclass

import numpy as np
import pytest
from pyro.distributions import HalfNormal
from scipy.special import logsumexp

from bayes_mtl import MultiTaskModel
from bayes_mtl.inference import MAP, NUTS, SVI, AbstractInference, Collapsed, Plateau
from bayes_mtl.likelihoods import Gaussian
from bayes_mtl.priors import Independent
from tests.inference import cases

DATA = cases.rows((5, 6, 7, 6, 5, 4), seed=4)
MODEL = MultiTaskModel(Independent(HalfNormal(1.0)), Gaussian(), standardize=False)


@dataclass
class Exact:
    """Posterior means and sds of the weights ``[tasks, weights]``, and of both scales' logarithms."""

    weights: tuple[np.ndarray, np.ndarray]
    scale: tuple[float, float]
    noise: tuple[float, float]


@pytest.fixture(scope="module")
def exact() -> Exact:
    """Trapezoidal sums on a grid of both logarithms, far beyond where the density is 1e-12 of its peak."""
    scale, noise = (
        grid.ravel() for grid in np.meshgrid(np.linspace(-2.5, 1.5, 161), np.linspace(-2.5, 1, 141))
    )
    log = -0.5 * np.exp(2 * scale) - 0.5 * np.exp(2 * noise) + scale + noise  # half-normals and Jacobians
    means, seconds = [], []
    for t in range(6):
        x = np.column_stack([np.ones(len(DATA)), DATA.x])[DATA.task == t]
        y = DATA.y[DATA.task == t]
        between = np.exp(2 * scale)[:, None, None] * (x @ x.T)
        total = between + np.exp(2 * noise)[:, None, None] * np.eye(len(y))
        log -= 0.5 * np.linalg.slogdet(total)[1]
        log -= 0.5 * np.einsum("i,gij,j->g", y, np.linalg.inv(total), y)
        precision = x.T @ x / np.exp(2 * noise)[:, None, None] + np.eye(3) / np.exp(2 * scale)[:, None, None]
        covariance = np.linalg.inv(precision)
        means.append(covariance @ (x.T @ y) / np.exp(2 * noise)[:, None])
        seconds.append(np.diagonal(covariance, axis1=1, axis2=2) + means[-1] ** 2)
    mass = np.exp(log - logsumexp(log))
    assert mass[(abs(scale - 1.5) < 1e-9) | (abs(scale + 2.5) < 1e-9) | (abs(noise - 1) < 1e-9)].max() < 1e-12

    def average(values: np.ndarray) -> np.ndarray:
        return np.tensordot(mass, values, 1)

    mean = average(np.stack(means, 1))
    sd = np.sqrt(average(np.stack(seconds, 1)) - mean**2)
    scales = [(average(v).item(), np.sqrt(average(v**2) - average(v) ** 2).item()) for v in (scale, noise)]
    return Exact((mean, sd), *scales)


# Allowed errors of means (in posterior sds) and of sds (relative) of weights, then of logarithms of scales.
# 1,000 draws, of chains with at least half as many effective ones: 4.5 standard errors are 0.2 of a mean
# and 14 % of an sd. A Gaussian for the logarithms of the scales is an approximation; weights are exact given
# the scales where they were integrated out. The guide of everything couples them linearly: its sds of the
# scales are a quarter too small even at its optimum, and 1,600 steps end a little before it.
WAYS: dict[str, tuple[AbstractInference, tuple[float, float], tuple[float, float]]] = {
    "collapsed": (Collapsed(draws=1000), (0.2, 0.14), (0.2, 0.14)),
    "collapsed map": (Collapsed(MAP(), draws=1000), (0.2, 0.14), (0.25, 0.2)),
    "collapsed svi": (
        Collapsed(SVI(steps=800, plateau=Plateau(50), compile=True, progress=False)), (0.2, 0.14), (0.25, 0.2)
    ),
    "collapsed nuts": (
        Collapsed(NUTS(draws=500, warmup=100, chains=2, progress=False)), (0.2, 0.14), (0.2, 0.14)
    ),
    "svi": (
        SVI(steps=1600, learning_rate=0.05, plateau=Plateau(150), compile=True, progress=False),
        (0.3, 0.25), (0.8, 0.45)
    ),
    "nuts": (NUTS(draws=250, warmup=250, chains=4, progress=False), (0.2, 0.14), (0.2, 0.14)),
}  # fmt: skip


@pytest.mark.usefixtures("captured")
@pytest.mark.parametrize("name", [pytest.param(n, marks=cases.slow) if "nuts" in n else n for n in WAYS])
def test_agrees_with_quadrature(name: str, exact: Exact) -> None:
    inference, of_weights, of_scales = WAYS[name]
    draws = inference.run(MODEL, DATA).draws
    found = draws["weights"][..., 0].double().numpy()
    mean, sd = exact.weights
    assert (np.abs(found.mean(0) - mean) / sd).max() < of_weights[0]
    assert np.abs(found.std(0) / sd - 1).max() < of_weights[1]
    for site, (mean, sd) in (("scale", exact.scale), ("noise_scale", exact.noise)):
        log = draws[site].double().log().numpy()
        assert np.abs(log.mean() - mean) / sd < of_scales[0]
        assert np.abs(log.std() / sd - 1) < of_scales[1]
