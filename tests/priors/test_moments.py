"""What `Moments` means, against its definition; and the settings that priors refuse."""

from collections.abc import Callable

import pytest
import torch

from bayes_mtl import TaskData
from bayes_mtl._errors import BayesMTLError, InputError
from bayes_mtl._shapes import Dims
from bayes_mtl.priors import Hierarchical, LowRank, Moments, TaskClustering, TaskCovariance


def lower(*shape: int) -> torch.Tensor:
    root = torch.randn(*shape).tril()
    return root / root.norm(dim=-1, keepdim=True)


def test_root_is_a_square_root_of_one_tasks_covariance() -> None:
    mean, scale, correlation, factor = (
        torch.randn(3, 2),
        torch.rand(3, 2) + 0.1,
        lower(3, 3),
        torch.randn(3, 2, 4),
    )
    root = Moments(mean, scale, correlation, factor).root()
    assert root.shape == (2, 3, 7)
    for c in range(2):
        own = torch.diag(scale[:, c]) @ correlation
        expected = own @ own.T + factor[:, c] @ factor[:, c].T
        assert torch.allclose(root[c] @ root[c].T, expected, atol=1e-5)
    assert torch.equal(Moments(mean).root(), torch.zeros(2, 3, 1))
    assert torch.allclose(Moments(mean, scale).root(), torch.diag_embed(scale.T))


def test_spread_is_what_the_root_is_of() -> None:
    scale, correlation, tasks = torch.rand(3, 1) + 0.1, lower(3, 3), lower(4, 4)
    noise = torch.randn(5, 4, 3, 1)
    found = Moments(torch.zeros(3, 1), scale, correlation, tasks=tasks).spread(noise)
    own = torch.diag(scale[:, 0]) @ correlation
    expected = torch.einsum("ts,de,nsec->ntdc", tasks, own, noise)
    assert torch.allclose(found, expected, atol=1e-5)
    assert torch.equal(Moments(torch.zeros(3, 1)).spread(noise), torch.zeros_like(noise))


@pytest.mark.parametrize(
    "parts",
    [
        {"factor": torch.ones(3, 1, 2)},
        {"scale": torch.ones(3, 1), "factor": torch.ones(3, 1, 2), "tasks": torch.eye(4)},
        {"scale": torch.ones(3, 1), "factor": torch.ones(3, 1, 2), "logits": torch.zeros(1)},
        {"scale": torch.ones(3, 1), "tasks": torch.eye(4), "logits": torch.zeros(1)},
        {"logits": torch.zeros(1)},
        {"correlation": torch.eye(3)},
        {"tasks": torch.eye(4)},
    ],
    ids=["factor alone", "tasks and factor", "mixture of factors", "mixture and tasks", "mixture of points",
         "correlation alone", "tasks alone"],
)  # fmt: skip
def test_parts_that_do_not_go_together_are_refused(parts: dict[str, torch.Tensor]) -> None:
    with pytest.raises(BayesMTLError, match="Moments"):
        Moments(torch.zeros(3, 1), **parts)


@pytest.mark.parametrize(
    ("make", "text"),
    [
        (lambda: Hierarchical(covariance="half"), "covariance"),
        (lambda: LowRank(rank=0), "rank"),
        (lambda: TaskClustering(1), "clusters"),
        (lambda: TaskClustering(2, weights_prior="even"), "weights_prior"),
        (lambda: TaskClustering(2, covariance="half"), "covariance"),
        (lambda: TaskCovariance().moments(Dims(tasks=1, features=2)), "at least 2 tasks"),
        (lambda: TaskClustering(2, "gate").weights(Dims(tasks=3, features=2)), "task_features"),
        (lambda: TaskClustering(2, task_mean=True).weights(Dims(tasks=3, features=2)), "task_features"),
    ],
)
@pytest.mark.usefixtures("unchecked")
def test_impossible_settings_are_refused(make: Callable[[], object], text: str) -> None:
    with pytest.raises(InputError, match=text):
        make()


def test_bind_changes_nothing_by_default() -> None:
    data = TaskData.from_arrays([[0.0], [1.0], [2.0], [3.0]], range(4), [0, 0, 1, 1])
    prior = Hierarchical()
    assert prior.bind(data) is prior
