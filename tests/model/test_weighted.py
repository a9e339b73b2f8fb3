"""Features times weights: the products of all tasks against each observation's own weights."""

import pytest
import torch

from bayes_mtl.data import Batch
from bayes_mtl.model._weighted import _FEW_TASKS, weighted

ROWS, FEATURES = 50, 40


@pytest.mark.parametrize("tasks", [1, 3, _FEW_TASKS["cpu"], _FEW_TASKS["cpu"] + 1])
@pytest.mark.parametrize("outputs", [1, 2])  # fewer and more weights than make the product pay
@pytest.mark.parametrize("draws", [(), (2,)])
@pytest.mark.parametrize("pooled", [False, True])
def test_every_way_is_the_sum_over_features(
    tasks: int, outputs: int, draws: tuple[int, ...], pooled: bool
) -> None:
    generator = torch.Generator().manual_seed(0)

    def normal(*shape: int) -> torch.Tensor:
        return torch.randn(shape, generator=generator, dtype=torch.float64)

    task = torch.randint(tasks, (ROWS,), generator=generator)
    batch = Batch(normal(ROWS, 1), task, normal(ROWS), normal(tasks, outputs), normal(tasks, outputs))
    weights = normal(*draws, 1 if pooled else tasks, FEATURES, outputs).requires_grad_()
    for features in (normal(ROWS, FEATURES), normal(*draws, ROWS, FEATURES)):
        own = weights.expand(*draws, tasks, FEATURES, outputs)[..., task, :, :]
        expected = torch.einsum("...nd,...ndc->...nc", features, own)
        found = weighted(features, weights, batch)
        # rounding of float64
        assert found.shape == expected.shape and torch.allclose(found, expected, rtol=1e-10, atol=1e-12)
        cotangent = normal(*expected.shape)
        slopes = [torch.autograd.grad(value, weights, cotangent)[0] for value in (found, expected)]
        assert torch.allclose(*slopes, rtol=1e-10, atol=1e-12)
