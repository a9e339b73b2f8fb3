"""Members of the family of sparse groups, by their marginals."""

from typing import Any

import numpy as np
import pytest
import torch
from pyro import poutine
from pyro.distributions import Normal
from scipy import stats
from torch import Tensor

from bayes_mtl._seed import seeded
from bayes_mtl._shapes import Dims
from bayes_mtl.distributions import MatrixGeneralizedHyperbolic, MatrixNormal
from bayes_mtl.priors import AbstractTaskPrior, GroupSparse, at_draws

DRAWS = 4000


def first_weights(prior: AbstractTaskPrior, dims: Dims) -> np.ndarray:
    """``[draws, tasks, features]`` of the prior."""
    with seeded(1), torch.no_grad():
        weights = at_draws(lambda: prior.weights(dims), {"_none": torch.zeros(DRAWS, 1)})
    return weights.expand(DRAWS, *weights.shape[-3:])[..., 0].double().numpy()


class GammaMixture:
    """Gaussians whose variance is gamma, by the midpoints of 1,000 equal parts of its probability."""

    def __init__(self, shape: float, rate: float) -> None:
        self.sd = stats.gamma(shape, scale=1 / rate).ppf((np.arange(1000) + 0.5) / 1000) ** 0.5

    def cdf(self, x: np.ndarray) -> np.ndarray:
        return np.asarray(stats.norm.cdf(x[:, None] / self.sd).mean(1))


@pytest.mark.parametrize(
    ("prior", "marginal"),
    [
        (GroupSparse.student_t(3.0, phi=3.0 * 0.5**2), stats.t(3.0, scale=0.5)),
        (GroupSparse.laplace(chi=4.0), stats.laplace(scale=1 / 2)),
        (GroupSparse.group_lasso(chi=4.0), stats.laplace(scale=1 / 2)),
        # scipy's in alpha = sqrt(chi), delta = sqrt(phi)
        (
            GroupSparse.normal_inverse_gaussian(chi=2.0, phi=0.5),
            stats.norminvgauss(a=(2.0 * 0.5) ** 0.5, b=0.0, scale=0.5**0.5),
        ),
        # exp(-chi v / 2) v^(-order - 1) in the variance
        (GroupSparse.variance_gamma(chi=4.0), GammaMixture(0.5, 2.0)),
        (GroupSparse.variance_gamma(-1.5, chi=4.0), GammaMixture(1.5, 2.0)),
    ],
    ids=["student_t", "laplace", "group_lasso", "nig", "variance_gamma", "variance_gamma of 1.5"],
)
def test_members_have_their_marginals(prior: GroupSparse, marginal: Any) -> None:
    """One weight that is a group of its own."""
    draws = first_weights(prior, Dims(1, 1, intercept=False))[:, 0, 0]
    # a p-value below 1e-4 would come once in ten thousand seeds
    assert stats.kstest(draws, marginal.cdf).pvalue > 1e-4


def test_group_lasso_and_hyperbolic_have_their_norms_marginal() -> None:
    """Of 3 tasks and groups of 2: p(W) ~ exp(-sqrt(chi (phi + |W|^2))), so |W| has r^5 times that."""
    dims = Dims(3, 4, groups=(0, 0, 1, 1), intercept=False)
    for prior, phi in ((GroupSparse.group_lasso(chi=4.0), 0.0), (GroupSparse.hyperbolic(4.0, 9.0), 9.0)):
        weights = first_weights(prior, dims)
        grid = np.linspace(0, 40, 40_001)
        density = grid**5 * np.exp(-np.sqrt(4.0 * (phi + grid**2)) + np.sqrt(4.0 * phi))
        cdf = np.concatenate([[0], np.cumsum((density[1:] + density[:-1]) / 2)])
        for group in (0, 1):
            norm = np.linalg.norm(weights[..., 2 * group : 2 * group + 2].reshape(DRAWS, -1), axis=1)
            assert stats.kstest(norm, lambda r, g=grid, c=cdf: np.interp(r, g, c / c[-1])).pvalue > 1e-4


@pytest.mark.parametrize(
    "prior",
    [GroupSparse.ard(0.1), GroupSparse.student_t(3.0, 2.0), GroupSparse.group_lasso(4.0)],
    ids=["ard", "student_t", "group_lasso"],
)
def test_precisions_integrated_out_leave_the_generalised_hyperbolic(prior: GroupSparse) -> None:
    """The program's own precisions and scales, by quadrature, and the closed form: two groups, 3 tasks."""
    dims = Dims(3, 4, groups=(0, 0, 1, 1), intercept=False)
    torch.manual_seed(0)
    weights = torch.randn(3, 4, dtype=torch.float64)
    log_precision = torch.linspace(-40, 40, 8001, dtype=torch.float64)
    precision = log_precision.exp()[:, None].expand(-1, 2)

    def joint() -> Tensor:
        with poutine.condition(data={"precision": precision.unsqueeze(-2)}):
            trace = poutine.trace(prior.moments).get_trace(dims)
        scale = trace.nodes["_RETURN"]["value"].scale.reshape(-1, 1, 4)
        own = Normal(torch.zeros_like(scale), scale).log_prob(weights).reshape(-1, 3, 2, 2).sum((1, 3))
        return own + trace.nodes["precision"]["fn"].base_dist.log_prob(precision.unsqueeze(-2)).squeeze(-2)

    one, step = torch.eye(2, dtype=torch.float64), float(log_precision[1] - log_precision[0])
    found = (joint() + log_precision[:, None]).logsumexp(0) + np.log(step)
    base = MatrixNormal(torch.zeros(2, 3, 2, dtype=torch.float64), one, row_tril=torch.eye(3).double())
    order, chi, phi = (float(getattr(prior, name)) for name in ("order", "chi", "phi"))  # type: ignore[arg-type]
    order += prior.order_by_size * 6
    blocks = torch.stack([weights[:, :2], weights[:, 2:]])
    expected = MatrixGeneralizedHyperbolic(base, order, chi, phi).log_prob(blocks)
    # parameters of the program are float32
    assert torch.allclose(found, expected, atol=1e-4)
