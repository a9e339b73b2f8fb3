"""Average features of the classes, from which their weights are read off."""

from dataclasses import replace

import pytest
import torch

from bayes_mtl._shapes import Dims
from bayes_mtl.data import Batch
from bayes_mtl.priors._amortised_moments import AmortisedMoments

ROWS, TASKS = 12, 2


def batch(outputs: int) -> tuple[torch.Tensor, Batch]:
    generator = torch.Generator().manual_seed(0)
    features = torch.randn(ROWS, 3, generator=generator)
    row = torch.arange(ROWS)
    y = (row % outputs).float() if outputs > 1 else torch.randn(ROWS, generator=generator)
    shift, spread = torch.full((TASKS, outputs), 0.5), torch.full((TASKS, outputs), 2.0)
    return features, Batch(features, row // (ROWS // TASKS), torch.ones(ROWS), shift, spread, y=y)


@pytest.mark.parametrize("outputs", [1, 3])
def test_a_weight_of_two_is_a_row_twice(outputs: int) -> None:
    features, given = batch(outputs)
    scale = 1.0 + (torch.arange(ROWS) % 4 == 0).float()
    weighted, twice, plain = (AmortisedMoments(Dims(TASKS, 3, outputs), 4) for _ in range(3))
    weighted.update(features, replace(given, scale=scale))
    every = torch.arange(ROWS).repeat_interleave(scale.long())
    twice.update(features[every], given.select(every))
    plain.update(features, given)
    # rounding of float32
    torch.testing.assert_close(weighted.averages, twice.averages, rtol=1e-5, atol=1e-6)
    assert (weighted.averages - plain.averages).abs().max() > 0.05


def test_averages_by_hand() -> None:
    features, given = batch(3)
    scale = torch.linspace(0.5, 2.0, ROWS)
    found = AmortisedMoments(Dims(TASKS, 3, 3), 4)
    found.update(features, replace(given, scale=scale))
    for task in range(TASKS):
        for label in range(3):
            own = [i for i in range(ROWS) if i // 6 == task and i % 3 == label]
            total = sum(scale[i] * features[i] for i in own) / sum(scale[i] for i in own)
            torch.testing.assert_close(found.averages[task, label], total, rtol=1e-5, atol=1e-6)
