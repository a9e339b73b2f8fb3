"""The mixture of Gaussians over one task's weights: density, draws, shapes."""

import numpy as np
import pytest
import torch
from pyro.infer.autoguide import AutoNormal
from scipy.stats import kstest, multivariate_normal, norm

from bayes_mtl.distributions import WeightMixture

K, F, C = 3, 2, 2


def example(*batch: int) -> WeightMixture:
    generator = torch.Generator().manual_seed(1)

    def normal(*shape: int) -> torch.Tensor:
        return torch.randn(*batch, *shape, generator=generator, dtype=torch.float64)

    root = normal(K, C, F, F).tril()
    root.diagonal(dim1=-2, dim2=-1).abs_().add_(0.3)
    return WeightMixture(2 * normal(K, F, C), root, normal(K).log_softmax(-1))


def test_density_is_that_of_scipy() -> None:
    mixture = example()
    value = torch.randn(5, F, C, dtype=torch.float64)
    expected = np.zeros(5)
    for k in range(K):
        density = np.exp(float(mixture.logits[k]))
        for c in range(C):
            root = mixture.root[k, c].numpy()
            mean = mixture.mean_of_components[k, :, c].numpy()
            density = density * multivariate_normal(mean, root @ root.T).pdf(value[:, :, c].numpy())
        expected += density
    # rounding of float64
    assert np.allclose(mixture.log_prob(value).exp(), expected, rtol=1e-10)


def independent(*batch: int) -> tuple[WeightMixture, WeightMixture]:
    """Independent features, said by standard deviations and by triangular factors."""
    full = example(*batch)
    sd = full.root.diagonal(dim1=-2, dim2=-1)
    return (
        WeightMixture(full.mean_of_components, sd.mT, full.logits, independent=True),
        WeightMixture(full.mean_of_components, torch.diag_embed(sd), full.logits),
    )


@pytest.mark.parametrize("batch", [(), (4,), (5, 1)])
def test_independent_features_need_no_triangle(batch: tuple[int, ...]) -> None:
    by_sd, by_root = independent(*batch)
    value = torch.randn(5, 4, F, C, dtype=torch.float64)
    assert by_sd.batch_shape == by_root.batch_shape and by_sd.event_shape == by_root.event_shape
    assert torch.allclose(by_sd.mean, by_root.mean) and torch.allclose(by_sd.variance, by_root.variance)
    for one, other in ((by_sd, by_root), (by_sd.expand((5, 4)), by_root.expand((5, 4)))):
        assert torch.allclose(one.log_prob(value), other.log_prob(value), rtol=1e-12)  # rounding of float64
    draws = by_sd.expand((5, 4)).sample((2_000,))
    error = draws.std(0) / len(draws) ** 0.5
    # 5 Monte-Carlo standard errors
    assert ((draws.mean(0) - by_sd.mean).abs() < 5 * error).all()


def test_one_solve_for_all_tasks_is_a_solve_for_each() -> None:
    value = torch.randn(5, 4, F, C, dtype=torch.float64)
    for mixture in (example(), example(5, 1)):  # one factor for all tasks; one for the tasks of each draw
        each = mixture.expand((5, 4))
        assert torch.allclose(mixture.log_prob(value), each.log_prob(value), rtol=1e-12)


def test_responsibilities_sum_to_one_and_are_bayes_rule() -> None:
    mixture, value = example(), torch.randn(4, F, C, dtype=torch.float64)
    parts = mixture.component_log_prob(value)
    assert torch.allclose(parts.softmax(-1).sum(-1), torch.ones(4, dtype=torch.float64))
    assert torch.allclose(parts.softmax(-1), (parts - mixture.log_prob(value).unsqueeze(-1)).exp())


def test_draws_follow_the_density() -> None:
    mixture = example()
    draws = mixture.sample((20_000,))
    assert draws.shape == (20_000, F, C)
    shares = mixture.logits.exp().numpy()
    for f in range(F):
        for c in range(C):
            means = mixture.mean_of_components[:, f, c].numpy()
            sds = mixture.root[:, c, f].square().sum(-1).sqrt().numpy()

            def cdf(x: np.ndarray, means: np.ndarray = means, sds: np.ndarray = sds) -> np.ndarray:
                return norm.cdf(x[:, None], means, sds) @ shares

            # Kolmogorov-Smirnov of 20,000 draws: rejects at 1 in 10,000
            assert kstest(draws[:, f, c].numpy(), cdf).pvalue > 1e-4
    flat = draws.flatten(1)
    error = flat.std(0) / len(flat) ** 0.5
    # 5 Monte-Carlo standard errors
    assert ((flat.mean(0) - mixture.mean.flatten()).abs() < 5 * error).all()
    squares = (flat - mixture.mean.flatten()).square()
    error = squares.std(0) / len(flat) ** 0.5
    assert ((squares.mean(0) - mixture.variance.flatten()).abs() < 5 * error).all()


@pytest.mark.parametrize("shape", [(4,), (3, 4)])
def test_expanding_repeats_it(shape: tuple[int, ...]) -> None:
    mixture = example()
    wide = mixture.expand(shape)
    assert wide.batch_shape == shape and wide.event_shape == (F, C)
    value = torch.randn(*shape, F, C, dtype=torch.float64)
    # the same solves, of one column or of many: rounding of float64
    assert torch.allclose(wide.log_prob(value), mixture.log_prob(value), rtol=1e-12)
    assert wide.sample().shape == (*shape, F, C)
    assert wide.sample((7,)).shape == (7, *shape, F, C)
    assert wide.mean.shape == wide.variance.shape == (*shape, F, C)


def test_batches_are_independent_of_each_other() -> None:
    mixture = example(4)
    value = torch.randn(4, F, C, dtype=torch.float64)
    for i in range(4):
        one = WeightMixture(mixture.mean_of_components[i], mixture.root[i], mixture.logits[i])
        assert torch.isclose(mixture.log_prob(value)[i], one.log_prob(value[i]), rtol=1e-12)


def test_parameters_of_different_batches_broadcast() -> None:
    """Means by task, one covariance and one set of weights: as under vectorised particles."""
    a, b = example(), example(4)
    mixture = WeightMixture(b.mean_of_components, a.root, a.logits)
    assert mixture.batch_shape == (4,)
    value = torch.randn(5, 4, F, C, dtype=torch.float64)
    expected = mixture.expand((5, 4)).log_prob(value)
    assert mixture.log_prob(value).shape == (5, 4) and torch.allclose(mixture.log_prob(value), expected)


def test_far_values_have_finite_densities_and_gradients() -> None:
    mixture, value = example(), torch.full((F, C), 1e3, dtype=torch.float64, requires_grad=True)
    density = mixture.log_prob(value)
    (gradient,) = torch.autograd.grad(density, value)
    assert torch.isfinite(density) and torch.isfinite(gradient).all()


def test_an_autoguide_accepts_it() -> None:
    import pyro

    def program() -> None:
        with pyro.plate("tasks", 3, dim=-1):
            pyro.sample("weights", example())

    guide = AutoNormal(program)
    assert guide()["weights"].shape == (3, F, C)
