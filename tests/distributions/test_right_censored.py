"""Density where seen, survival where censored."""

import numpy as np
import torch
from pyro.distributions import Normal
from scipy.stats import norm

from bayes_mtl.distributions import RightCensored

CENSORED = torch.tensor([False, True, False])


def censored_normal(mean: torch.Tensor) -> RightCensored:
    return RightCensored(Normal(mean, 2.0), lambda y: torch.special.log_ndtr((mean - y) / 2.0), CENSORED)


def test_log_prob() -> None:
    mean, y = torch.tensor([0.0, 1.0, 2.0], dtype=torch.float64), torch.tensor([1.0, 3.0, -2.0]).double()
    seen, beyond = norm.logpdf(y, mean, 2.0), norm.logsf(y, mean, 2.0)
    expected = np.where(CENSORED, beyond, seen)
    assert np.allclose(censored_normal(mean).log_prob(y), expected, rtol=1e-12)


def test_expand_and_batches() -> None:
    mean = torch.tensor([[0.0, 1.0, 2.0], [3.0, 4.0, 5.0]])
    d, y = censored_normal(mean), torch.tensor([1.0, 3.0, -2.0])
    assert d.batch_shape == (2, 3) and d.sample((4,)).shape == (4, 2, 3)
    assert torch.equal(d.expand(torch.Size([5, 2, 3])).log_prob(y)[3], d.log_prob(y))
    assert torch.equal(d.log_prob(y)[1], censored_normal(mean[1]).log_prob(y))


def test_moments_and_draws_are_the_targets_own() -> None:
    mean = torch.tensor([0.0, 1.0, 2.0])
    d = censored_normal(mean)
    assert torch.equal(d.mean, mean) and torch.equal(d.variance, torch.full((3,), 4.0))
    draws = d.sample((20_000,))
    # 4 Monte-Carlo standard errors of 20,000 draws with standard deviation 2
    assert torch.allclose(draws.mean(0), mean, atol=4 * 2 / 20_000**0.5)
    assert d.support.check(draws).all()
