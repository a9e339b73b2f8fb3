"""Tasks one by one against gathered weights."""

import pytest
import torch

from bayes_mtl.data import Batch
from bayes_mtl.model._weighted import weighted, weighted_in_turn


@pytest.mark.parametrize("outputs", [1, 3])
@pytest.mark.parametrize("order", ["together", "mixed", "few"])
def test_the_order_of_tasks_changes_nothing(outputs: int, order: str) -> None:
    torch.manual_seed(0)
    number = 12 if order == "few" else 90
    task = torch.randint(20, (number,))
    task = task.sort().values if order != "mixed" else task
    features, weights = torch.randn(number, 4), torch.randn(7, 20, 4, outputs)
    batch = Batch(
        x=features[:, 1:], task=task, scale=torch.ones(number), shift=torch.zeros(20, 1),
        spread=torch.ones(20, 1),
    )  # fmt: skip
    found, expected = weighted_in_turn(features, weights, batch), weighted(features, weights, batch)
    assert found.shape == (7, number, outputs)
    assert torch.allclose(found, expected, atol=1e-5)  # float32, sums in another order


def test_one_draw_or_shared_weights_are_gathered() -> None:
    features, weights = torch.randn(30, 4), torch.randn(3, 1, 4, 1)
    zeros = torch.zeros(30, dtype=torch.int64)
    batch = Batch(
        x=features, task=zeros, scale=torch.ones(30), shift=torch.zeros(5, 1), spread=torch.ones(5, 1)
    )
    assert torch.equal(weighted_in_turn(features, weights, batch), weighted(features, weights, batch))
