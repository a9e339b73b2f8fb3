"""Matrix normal: density against the normal density of the stacked matrix, draws, both forms of rows."""

import numpy as np
import pytest
import torch
from scipy.stats import matrix_normal

from bayes_mtl._errors import InputError
from bayes_mtl.distributions import MatrixNormal

ROWS, COLUMNS, RANK = 4, 3, 2


def factors(*batch: int) -> dict[str, torch.Tensor]:
    generator = torch.Generator().manual_seed(1)

    def normal(*shape: int) -> torch.Tensor:
        return torch.randn(*batch, *shape, generator=generator, dtype=torch.float64)

    def tril(size: int) -> torch.Tensor:
        return normal(size, size).tril(-1) + torch.diag_embed(normal(size).exp())

    return {
        "loc": normal(ROWS, COLUMNS),
        "column_tril": tril(COLUMNS),
        "row_tril": tril(ROWS),
        "row_factor": normal(ROWS, RANK),
        "row_diagonal": normal(ROWS).exp(),
        "value": normal(ROWS, COLUMNS),
    }


def both(given: dict[str, torch.Tensor]) -> tuple[MatrixNormal, MatrixNormal, torch.Tensor]:
    """The two forms, and the covariance of the rows of the second."""
    loc, column_tril = given["loc"], given["column_tril"]
    low_rank = {name: given[name] for name in ("row_factor", "row_diagonal")}
    dense = MatrixNormal(loc, column_tril, row_tril=given["row_tril"])
    factor = given["row_factor"]
    covariance = factor @ factor.mT + torch.diag_embed(given["row_diagonal"])
    return dense, MatrixNormal(loc, column_tril, **low_rank), covariance


def test_the_density_is_that_of_scipy() -> None:
    given = factors()
    dense, low_rank, covariance = both(given)
    columns = given["column_tril"] @ given["column_tril"].mT
    for found, rows in ((dense, given["row_tril"] @ given["row_tril"].mT), (low_rank, covariance)):
        expected = matrix_normal(given["loc"].numpy(), rows.numpy(), columns.numpy())
        assert np.isclose(float(found.log_prob(given["value"])), expected.logpdf(given["value"].numpy()))


def test_the_forms_agree_in_batches_and_gradients() -> None:
    given = {name: value.requires_grad_() for name, value in factors(5, 2).items()}
    _, low_rank, covariance = both(given)
    dense = MatrixNormal(given["loc"], given["column_tril"], row_tril=torch.linalg.cholesky(covariance))
    value = torch.randn(7, 5, 2, ROWS, COLUMNS, dtype=torch.float64)
    one, two = low_rank.log_prob(value), dense.log_prob(value)
    assert one.shape == (7, 5, 2) and torch.allclose(one, two, rtol=1e-10)
    inputs = [given[name] for name in ("loc", "column_tril", "row_factor", "row_diagonal")]
    slopes = [torch.autograd.grad(each.sum(), inputs, retain_graph=True) for each in (one, two)]
    assert all(torch.allclose(a, b, rtol=1e-8, atol=1e-8) for a, b in zip(*slopes, strict=True))
    assert torch.allclose(low_rank.variance, dense.variance) and torch.equal(low_rank.mean, dense.mean)


@pytest.mark.parametrize("form", [0, 1])
def test_draws_have_the_moments(form: int) -> None:
    given = factors()
    found = both(given)[form]
    rows = both(given)[2] if form else given["row_tril"] @ given["row_tril"].mT
    columns = given["column_tril"] @ given["column_tril"].mT
    draws = found.sample((100_000,)).flatten(1)
    expected = torch.kron(rows, columns)
    scale = expected.diagonal().sqrt()
    difference = (draws.T.cov() - expected) / (scale[:, None] * scale)
    # 5 Monte-Carlo standard errors of 100,000 draws: a correlation's is at most sqrt(2 / draws)
    assert difference.abs().max() < 5 * (2 / 100_000) ** 0.5
    assert ((draws.mean(0) - given["loc"].flatten()) / scale).abs().max() < 5 / 100_000**0.5
    assert torch.allclose(found.variance.flatten(), expected.diagonal())


def test_expanding_and_broadcasting() -> None:
    given = factors()
    for found in both(given)[:2]:
        wide = found.expand((6, 2))
        assert wide.batch_shape == (6, 2) and wide.sample((3,)).shape == (3, 6, 2, ROWS, COLUMNS)
        assert torch.allclose(wide.log_prob(given["value"]), found.log_prob(given["value"]).expand(6, 2))
        assert wide.mean.shape == wide.variance.shape == (6, 2, ROWS, COLUMNS)
        assert wide.log_scale.shape == (6, 2)
    # a batch of column factors only, as for groups of their own precision
    scales = torch.tensor([1.0, 2.0, 3.0], dtype=torch.float64)[:, None, None]
    low_rank = {name: given[name] for name in ("row_factor", "row_diagonal")}
    batch = MatrixNormal(given["loc"], scales * given["column_tril"], **low_rank)
    one = MatrixNormal(given["loc"], 2 * given["column_tril"], **low_rank)
    assert batch.batch_shape == (3,)
    assert torch.isclose(batch.log_prob(given["value"])[1], one.log_prob(given["value"]))


def test_gradients_reach_all_factors_through_draws() -> None:
    given = {name: value.requires_grad_() for name, value in factors().items() if name != "value"}
    for found in both(given)[:2]:
        names = found.arg_constraints
        draws = found.rsample((10,)).square().sum()
        slopes = torch.autograd.grad(draws, [given[name] for name in names])
        assert all(torch.isfinite(s).all() and (s != 0).any() for s in slopes)


def test_what_does_not_fit_is_refused() -> None:
    given = factors()
    loc, column_tril, row_tril = given["loc"], given["column_tril"], given["row_tril"]
    with pytest.raises(InputError, match="found none of them"):
        MatrixNormal(loc, column_tril)
    with pytest.raises(InputError, match="found \\['row_tril', 'row_factor'\\]"):
        MatrixNormal(loc, column_tril, row_tril=row_tril, row_factor=given["row_factor"])
    with pytest.raises(InputError, match="rows: expected 3 as in loc, found 4"):
        MatrixNormal(loc[:3], column_tril, row_tril=row_tril)
    with pytest.raises(InputError, match="columns: expected 3 as in loc, found 2"):
        MatrixNormal(loc, column_tril[:2, :2], row_tril=row_tril)
    with pytest.raises(ValueError, match="row_tril"):
        MatrixNormal(loc, column_tril, row_tril=-row_tril)
    with pytest.raises(ValueError, match="row_diagonal"):
        MatrixNormal(loc, column_tril, row_factor=given["row_factor"], row_diagonal=-given["row_diagonal"])
