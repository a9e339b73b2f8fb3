"""Triangles without a mask against torch's own."""

import pytest
import torch
from torch.distributions import transforms
from torch.distributions.utils import tril_matrix_to_vec, vec_to_tril_matrix

from bayes_mtl.model._triangles import known_triangles, tril_to_vec, vec_to_tril


@pytest.mark.parametrize("size", [1, 2, 3, 7])
@pytest.mark.parametrize("diag", [0, -1])
def test_as_torch(size: int, diag: int) -> None:
    matrix = torch.randn(2, 3, size, size)
    vector = tril_matrix_to_vec(matrix, diag)
    assert torch.equal(tril_to_vec(matrix, diag), vector)
    assert torch.equal(vec_to_tril(vector, diag), vec_to_tril_matrix(vector, diag))


def test_correlations() -> None:
    unconstrained, transform = torch.randn(4, 6), transforms.CorrCholeskyTransform()
    plain = transform(unconstrained)
    with known_triangles():
        found = transform(unconstrained)
        back = transform.inv(found)
    assert torch.equal(found, plain)
    torch.testing.assert_close(back, unconstrained, rtol=1e-4, atol=1e-5)  # atanh loses digits near 1
    assert transforms.vec_to_tril_matrix is vec_to_tril_matrix
