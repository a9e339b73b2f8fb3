"""Groups, directions, clusters and experts that nothing uses, and labels that chains exchange."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from bayes_mtl import MultiTaskModel, Posterior, TaskData
from bayes_mtl.diagnostics import Finding, check
from bayes_mtl.diagnostics._label_switching import arrangements, label_switching
from bayes_mtl.likelihoods import Gaussian
from bayes_mtl.networks import MLP, MMoE, MultiClustering
from bayes_mtl.priors import AbstractTaskPrior, GroupSparse, Hierarchical, LowRank, TaskClustering
from tests.diagnostics.posteriors import as_chains
from tests.plots.posteriors import gaussian_data
from tests.posterior.examples import make_posterior

DRAWS = 400


def made(prior: AbstractTaskPrior, tasks: int = 6, network: torch.nn.Module | None = None) -> Posterior:
    """Draws of the prior, eight that come back again and again."""
    torch.manual_seed(0)
    one = make_posterior(MultiTaskModel(prior, Gaussian(), network=network), gaussian_data(tasks), draws=8)
    return replace(one, draws={name: torch.cat([value] * (DRAWS // 8)) for name, value in one.draws.items()})


def with_draws(posterior: Posterior, **draws: torch.Tensor) -> Posterior:
    return replace(posterior, draws={**posterior.draws, **draws}).with_record(
        log_weights=None, losses=np.empty(0)
    )


def named(posterior: Posterior, word: str, data: TaskData | None = None) -> list[Finding]:
    found = [f for f in check(posterior, data).findings if word in f.title]
    assert all(finding.severity == "note" for finding in found)
    return found


def test_dead_groups_have_their_names() -> None:
    posterior = made(GroupSparse.student_t())
    weights = 0.5 + 0.01 * torch.randn(DRAWS, 6, 3, 1)
    weights[:, :, 2] *= 0.01
    (finding,) = named(with_draws(posterior, weights=weights), "shrunk")
    assert finding.names == ("intake",) and finding.title.startswith("1 of 2 groups")
    assert named(with_draws(posterior, weights=0.5 + 0 * weights), "shrunk") == []


def test_a_direction_that_nothing_uses() -> None:
    posterior = made(LowRank(3))
    strength = torch.tensor([1.0, 0.001, 0.5]).expand(DRAWS, 1, 3) * (1 + 0.1 * torch.rand(DRAWS, 1, 1))
    (finding,) = named(with_draws(posterior, strength=strength), "shrunk")
    assert finding.title == "1 of 3 shared directions are shrunk to nothing" and "rank=2" in finding.remedy


@pytest.mark.parametrize(
    ("used", "word"), [(1, "All tasks are in one cluster"), (2, "2 of 4 clusters hold no task")]
)
def test_empty_clusters(used: int, word: str) -> None:
    posterior = made(TaskClustering(4))
    assignment = torch.zeros(DRAWS, 6, 4)
    assignment[:, torch.arange(6), torch.arange(6) % used] = 1.0
    (finding,) = named(with_draws(posterior, assignment=assignment), "cluster")
    assert finding.title == word
    assert ("Hierarchical()" if used == 1 else "weights_prior='sparse'") in finding.remedy


def biased(towards: list[float]) -> tuple[Posterior, TaskData]:
    data = gaussian_data(3)
    network = MMoE(3, [MLP(2, [4], seed=i) for i in range(3)], in_features=2, bias=True)
    with torch.no_grad():
        network.gate.weight.zero_()
        network.gate.bias += torch.tensor(towards)
    torch.manual_seed(0)
    return make_posterior(MultiTaskModel(Hierarchical(), Gaussian(), network=network), data, draws=20), data


def test_experts_that_no_task_uses() -> None:
    posterior, data = biased([0.0, 0.0, -9.0])
    (finding,) = named(posterior, "expert", data)
    assert finding.names == ("expert 2",) and finding.title == "1 of 3 experts are used by no task"
    posterior, data = biased([9.0, 0.0, 0.0])
    (finding,) = named(posterior, "expert", data)
    assert finding.title == "All tasks use one expert (0)"
    posterior, data = biased([0.0, 0.0, 0.0])
    assert named(posterior, "expert", data) == []


def test_experts_that_no_task_chooses() -> None:
    network = MultiClustering(3, [MLP(2, [4], seed=i) for i in range(3)], in_features=2)
    with torch.no_grad():
        for value in network.choices.parameters():
            value.copy_(torch.tensor([[3.0, -3.0, 3.0]]).expand_as(value))
    (finding,) = named(made(Hierarchical(), 3, network), "expert")
    assert finding.names == ("expert 1",) and "network.deployed()" in finding.remedy


def test_arrangements_are_found() -> None:
    rng = np.random.default_rng(0)
    values = np.array([[5.0, 0.0, 0.0], [0.0, 3.0, 1.0]]) + 0.1 * rng.normal(size=(40, 2, 3))
    flipped = values.copy()
    flipped[20:] = -flipped[20:, ::-1]
    kinds, counts = np.unique(arrangements(flipped, signed=True), axis=0, return_counts=True)
    assert sorted(counts) == [20, 20] and {tuple(abs(k)) for k in kinds} == {(1, 2), (2, 1)}
    assert len(np.unique(arrangements(values, signed=True), axis=0)) == 1


def direction(posterior: Posterior) -> torch.Tensor:
    ends = torch.tensor([[2.0, 0.0], [1.0, 1.0], [0.0, -2.0]]).reshape(1, 1, 3, 1, 2)
    return ends + 0.1 * torch.randn(posterior.draws["direction"].shape)


def test_chains_with_exchanged_signs_agree() -> None:
    posterior = made(LowRank(2))
    whole = direction(posterior)
    plain = as_chains(with_draws(posterior, direction=whole))
    assert label_switching(plain) is None
    sign = torch.ones(DRAWS, 1, 1, 1, 1)
    sign[DRAWS // 2 :] = -1.0
    switched = as_chains(with_draws(posterior, direction=sign * whole))
    (finding,) = named(switched, "Labels are exchanged between chains")
    assert set(finding.names) == {"direction", "strength"} and "relatedness()" in finding.remedy
    assert not any("direction" in name for f in check(switched).findings for name in f.names if f != finding)


def test_labels_within_a_chain() -> None:
    posterior = made(LowRank(2))
    sign = torch.where(torch.arange(DRAWS) % 5 == 0, -1.0, 1.0).reshape(-1, 1, 1, 1, 1)
    found = label_switching(as_chains(with_draws(posterior, direction=sign * direction(posterior))))
    assert found is not None and not found.between
    assert found.share == pytest.approx(0.2, abs=0.02)


class Around(torch.nn.Module):
    """Hands on the gates of a network that has none."""

    def __init__(self) -> None:
        super().__init__()
        self.inner, self.out_features = MLP(2, [4]), 4

    def forward(self, x: torch.Tensor, row: torch.Tensor | None, task: torch.Tensor) -> torch.Tensor:
        return self.inner(x)

    def gates(
        self, x: torch.Tensor, row: torch.Tensor | None, task: torch.Tensor, step: torch.Tensor | None = None
    ) -> torch.Tensor:
        return self.inner.gates(x, row, task, step)

    def expert_outputs(self, x: torch.Tensor, task: torch.Tensor | None = None) -> torch.Tensor:
        return self.inner(x).unsqueeze(1)


def test_a_network_around_one_without_gates() -> None:
    data = gaussian_data(3)
    model = MultiTaskModel(Hierarchical(), Gaussian(), network=Around())
    posterior = make_posterior(model, data, draws=20)
    assert named(posterior, "expert", data) == []
