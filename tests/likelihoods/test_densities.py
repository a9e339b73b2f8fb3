"""Densities, means and survival functions in the user's units against scipy."""

import numpy as np
import pytest
import torch
from scipy import stats
from torch import Tensor

from bayes_mtl.data import Batch
from bayes_mtl.likelihoods import (
    AbstractLikelihood,
    Bernoulli,
    Binomial,
    Categorical,
    Gamma,
    Gaussian,
    LogNormal,
    NegativeBinomial,
    Ordinal,
    Poisson,
    StudentT,
)

DTYPES = pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float64, 1e-10), (torch.float32, 2e-4)])
F = np.linspace(-4.0, 4.0, 9)


def grid(
    y: np.ndarray, dtype: torch.dtype, spread: float = 1.0, **columns: np.ndarray
) -> tuple[Tensor, Batch]:
    """Every predictor of ``F`` with every target ``y``, as one batch of a single task."""
    f, targets = (a.reshape(-1) for a in np.meshgrid(F, y, indexing="ij"))
    number = len(targets)
    extra = {name: torch.as_tensor(np.resize(value, number)) for name, value in columns.items()}
    extra = {name: v if v.dtype == torch.bool else v.to(dtype) for name, v in extra.items()}
    batch = Batch(
        x=torch.zeros(number, 1, dtype=dtype),
        task=torch.zeros(number, dtype=torch.int64),
        scale=torch.ones(number, dtype=dtype),
        shift=torch.zeros(1, 1, dtype=dtype),
        spread=torch.full((1, 1), spread, dtype=dtype),
        y=torch.tensor(targets, dtype=dtype),
        **extra,
    )
    return torch.tensor(f, dtype=dtype)[:, None], batch


def compare(
    likelihood: AbstractLikelihood,
    f: Tensor,
    batch: Batch,
    parameters: dict[str, float],
    expected: np.ndarray,
    tolerance: float,
) -> None:
    values = {name: torch.tensor(value, dtype=f.dtype) for name, value in parameters.items()}
    found = likelihood.distribution(f, batch, values).log_prob(batch.y).double().numpy()
    assert np.isfinite(found).all()
    # relative to the largest term that the density adds up
    assert np.max(np.abs(found - expected) / np.maximum(1.0, np.abs(expected))) < tolerance


def numbers(f: Tensor, batch: Batch) -> tuple[np.ndarray, np.ndarray]:
    assert batch.y is not None
    return f[:, 0].double().numpy(), batch.y.double().numpy()


@DTYPES
def test_gaussian(dtype: torch.dtype, tolerance: float) -> None:
    f, batch = grid(np.linspace(-20, 20, 7), dtype, spread=3.0)
    f64, y = numbers(f, batch)
    compare(Gaussian(), f, batch, {"scale": 0.7}, stats.norm.logpdf(y, f64, 2.1), tolerance)


@DTYPES
def test_gaussian_with_known_noise(dtype: torch.dtype, tolerance: float) -> None:
    noise = np.array([0.5, 1.0, 2.0, 4.0])
    f, batch = grid(np.linspace(-5, 5, 7), dtype, spread=3.0, noise=noise)
    f64, y = numbers(f, batch)
    # the column is in the user's units: the spread plays no part
    expected = stats.norm.logpdf(y, f64, np.resize(noise, len(y)))
    compare(Gaussian(noise="known"), f, batch, {}, expected, tolerance)


@DTYPES
@pytest.mark.parametrize("df", [0.8, 4.0, 60.0])
def test_student_t(dtype: torch.dtype, tolerance: float, df: float) -> None:
    f, batch = grid(np.linspace(-40, 40, 9), dtype, spread=3.0)
    f64, y = numbers(f, batch)
    expected = stats.t.logpdf(y, df, f64, 2.1)
    compare(StudentT(), f, batch, {"scale": 0.7, "df": df}, expected, tolerance)


@DTYPES
@pytest.mark.parametrize("censored", [False, True])
def test_log_normal(dtype: torch.dtype, tolerance: float, censored: bool) -> None:
    f, batch = grid(np.geomspace(1e-4, 1e4, 9), dtype, spread=1.5, censored=np.array([censored]))
    f64, y = numbers(f, batch)
    law = stats.lognorm(1.2, scale=np.exp(f64))
    expected = law.logsf(y) if censored else law.logpdf(y)
    compare(LogNormal(), f, batch, {"scale": 0.8}, expected, tolerance)
    # the mean of the target itself, censored or not
    mean = LogNormal().mean(f, batch, {"scale": torch.tensor(0.8, dtype=dtype)})
    assert np.allclose(mean.double(), law.mean(), rtol=tolerance)


@DTYPES
@pytest.mark.parametrize("concentration", [0.3, 2.0, 30.0])
def test_gamma(dtype: torch.dtype, tolerance: float, concentration: float) -> None:
    f, batch = grid(np.geomspace(1e-3, 1e2, 9), dtype)
    f64, y = numbers(f, batch)
    expected = stats.gamma.logpdf(y, concentration, scale=np.exp(f64) / concentration)
    compare(Gamma(), f, batch, {"concentration": concentration}, expected, tolerance)


@DTYPES
@pytest.mark.parametrize("concentration", [0.3, 2.0, 30.0])
def test_censored_gamma(dtype: torch.dtype, tolerance: float, concentration: float) -> None:
    f, batch = grid(np.geomspace(1e-3, 30.0, 9), dtype, censored=np.array([True]))
    f64, y = numbers(f, batch)
    law = stats.gamma(concentration, scale=np.exp(f64) / concentration)
    inside = law.sf(y) > 1e-300
    # where scipy underflows the value is only finite
    values = {"concentration": torch.tensor(concentration, dtype=dtype)}
    assert batch.y is not None
    found = Gamma().distribution(f, batch, values).log_prob(batch.y).double().numpy()
    assert np.isfinite(found).all()
    expected = law.logsf(y)[inside]
    error = np.abs(found[inside] - expected) / np.maximum(1.0, np.abs(expected))
    # quadrature 3e-11, scipy's logarithm of a value near 1: 1e-10
    assert np.max(error) < max(tolerance, 1e-9)


@DTYPES
def test_bernoulli(dtype: torch.dtype, tolerance: float) -> None:
    f, batch = grid(np.array([0, 1]), dtype)
    f64, y = numbers(f, batch)
    compare(Bernoulli(), f, batch, {}, stats.bernoulli.logpmf(y, 1 / (1 + np.exp(-f64))), tolerance)


@DTYPES
def test_binomial(dtype: torch.dtype, tolerance: float) -> None:
    f, batch = grid(np.array([0, 1, 5, 12]), dtype, trials=np.array([12, 40]))
    f64, y = numbers(f, batch)
    expected = stats.binom.logpmf(y, np.resize([12, 40], len(y)), 1 / (1 + np.exp(-f64)))
    compare(Binomial(), f, batch, {}, expected, tolerance)
    distribution = Binomial().distribution(f, batch, {})
    mean = stats.binom.mean(np.resize([12, 40], len(y)), 1 / (1 + np.exp(-f64)))
    assert np.allclose(distribution.mean.double(), mean, rtol=tolerance)


@DTYPES
def test_poisson(dtype: torch.dtype, tolerance: float) -> None:
    f, batch = grid(np.array([0, 1, 7, 200]), dtype)
    f64, y = numbers(f, batch)
    compare(Poisson(), f, batch, {}, stats.poisson.logpmf(y, np.exp(f64)), tolerance)


@DTYPES
@pytest.mark.parametrize("concentration", [0.2, 3.0, 100.0])
def test_negative_binomial(dtype: torch.dtype, tolerance: float, concentration: float) -> None:
    f, batch = grid(np.array([0, 1, 7, 200]), dtype)
    f64, y = numbers(f, batch)
    mean = np.exp(f64)
    law = stats.nbinom(concentration, concentration / (concentration + mean))
    compare(NegativeBinomial(), f, batch, {"concentration": concentration}, law.logpmf(y), tolerance)
    variance = (
        NegativeBinomial()
        .distribution(f, batch, {"concentration": torch.tensor(concentration, dtype=dtype)})
        .variance
    )
    assert np.allclose(variance.double(), mean + mean**2 / concentration, rtol=10 * tolerance)


@DTYPES
def test_categorical(dtype: torch.dtype, tolerance: float) -> None:
    _, batch = grid(np.array([0, 1, 2]), dtype)
    assert batch.y is not None
    f = torch.randn(len(batch.y), 3, dtype=dtype, generator=torch.Generator().manual_seed(0)) * 4
    weights = np.exp(f.double().numpy())
    expected = np.log((weights / weights.sum(1, keepdims=True))[np.arange(len(f)), batch.y.long()])
    compare(Categorical(), f, batch, {}, expected, tolerance)


@DTYPES
@pytest.mark.parametrize("first", [None, -1.5])
def test_ordinal(dtype: torch.dtype, tolerance: float, first: float | None) -> None:
    f, batch = grid(np.arange(5), dtype)
    f64, y = numbers(f, batch)
    steps = np.array([0.3, 1.0, 2.5])
    cuts = (first or 0.0) + np.r_[-np.inf, 0.0, steps.cumsum(), np.inf]
    upper, lower = stats.logistic.cdf(cuts[1:] - f64[:, None]), stats.logistic.cdf(cuts[:-1] - f64[:, None])
    expected = np.log((upper - lower)[np.arange(len(y)), y.astype(int)])
    parameters = {"increments": torch.tensor(steps, dtype=dtype)}
    if first is not None:
        parameters["first"] = torch.tensor(first, dtype=dtype)
    assert batch.y is not None
    found = Ordinal(classes=5).distribution(f, batch, parameters).log_prob(batch.y).double().numpy()
    assert np.allclose(found, expected, rtol=tolerance, atol=tolerance)
    mean = Ordinal(classes=5).mean(f, batch, parameters).double().numpy()
    assert np.allclose(mean, ((upper - lower) * np.arange(5)).sum(1), rtol=tolerance)


def test_ordinal_is_exact_in_the_tails() -> None:
    """Differences of probabilities near 1 would be 0 from a predictor of 40 on."""
    _, batch = grid(np.array([1]), torch.float64)
    f = torch.tensor([[300.0]], dtype=torch.float64)
    parameters = {"increments": torch.tensor([1e-12, 2.0], dtype=torch.float64)}
    found = Ordinal(classes=4).distribution(f, batch, parameters).log_prob(torch.tensor([1.0]))
    # log(sigmoid(d - f) - sigmoid(-f)) -> log(exp(d) - 1) - f
    assert torch.allclose(found, torch.tensor([np.log(1e-12) - 300.0]).double(), rtol=1e-12)


def test_ordinal_of_two_classes_is_bernoulli() -> None:
    f, batch = grid(np.array([0, 1]), torch.float64)
    assert batch.y is not None
    two = Ordinal(classes=2).distribution(f, batch, {}).log_prob(batch.y)
    assert torch.allclose(two, Bernoulli().distribution(f, batch, {}).log_prob(batch.y), rtol=1e-12)
