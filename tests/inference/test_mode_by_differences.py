"""Modes by differences of many values: against densities whose mode and curvature are known."""

import math

import pytest
import torch
from torch import Tensor

from bayes_mtl.inference._mode_by_differences import mode_by_differences


@pytest.mark.parametrize("size", [1, 2, 7])
def test_a_normal_is_found_in_a_step(size: int) -> None:
    torch.manual_seed(0)
    root = torch.randn(size, size, dtype=torch.float64)
    precision = root @ root.mT + 0.5 * torch.eye(size, dtype=torch.float64)
    mean = 10 * torch.randn(size, dtype=torch.float64)
    calls = []

    def log_densities(points: Tensor) -> Tensor:
        calls.append(len(points))
        away = points - mean
        return -0.5 * ((away @ precision) * away).sum(-1)

    found = mode_by_differences(log_densities, torch.zeros(size, dtype=torch.float64))
    assert found is not None
    # Differences of a parabola are exact but for rounding: 1e-16 times values up to 1e4, over 1e-4.
    torch.testing.assert_close(found[0], mean, atol=1e-4, rtol=0)
    torch.testing.assert_close(found[1], precision, atol=1e-5, rtol=1e-5)
    assert calls == [size**2 + size + 1, 10, size**2 + size + 1]


def test_skewed_directions_and_their_curvature() -> None:
    """Logarithms of gamma variables: the mode of ``a z - b e^z`` is ``log(a / b)``, its curvature ``a``."""
    a, b = torch.tensor([1.5, 40.0], dtype=torch.float64), torch.tensor([1e-3, 200.0], dtype=torch.float64)
    found = mode_by_differences(
        lambda z: (a * z - b * z.exp()).sum(-1), torch.tensor([-3.0, 4.0], dtype=torch.float64)
    )
    assert found is not None
    # It ends where a step promises 1e-3 nats at most: within 0.045 standard deviations of 0.8 and 0.16.
    torch.testing.assert_close(found[0], (a / b).log(), atol=0.04, rtol=0)
    torch.testing.assert_close(found[1], torch.diag(a), rtol=0.05, atol=1e-3)


def test_a_saddle_is_left() -> None:
    """Two hills of equal height: from nearly between them one is reached."""

    def log_densities(z: Tensor) -> Tensor:
        hills = [-0.5 * (z - s * torch.tensor([2.0, 1.0])).square().sum(-1) for s in (-1, 1)]
        return torch.logaddexp(*hills)

    found = mode_by_differences(log_densities, torch.tensor([0.2, 0.0], dtype=torch.float64))
    assert found is not None
    assert float(found[0].abs().sum()) == pytest.approx(3.0, abs=0.1)
    assert float(torch.linalg.eigvalsh(found[1]).min()) > 0.5


@pytest.mark.parametrize("kind", ["no density", "no top", "a saddle"])
def test_without_a_mode_there_is_none(kind: str) -> None:
    densities = {
        "no density": lambda z: torch.full_like(z[:, 0], -math.inf),
        "no top": lambda z: z.sum(-1),
        "a saddle": lambda z: z[:, 0].square() - z[:, 1].square(),
    }
    assert mode_by_differences(densities[kind], torch.zeros(2, dtype=torch.float64)) is None
