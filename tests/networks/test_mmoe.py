"""Mixtures of experts: gates, assignments, and what they are by hand."""

from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from bayes_mtl import MultiTaskModel, TaskData, load
from bayes_mtl._errors import InputError, InputTypeError, UnsupportedError
from bayes_mtl.inference import SVI
from bayes_mtl.likelihoods import Bernoulli, Gaussian, Mixed
from bayes_mtl.networks import GRU, MLP, MMoE, experts
from bayes_mtl.networks._assignment import open_experts
from bayes_mtl.priors import Hierarchical
from bayes_mtl.testing import check_model, check_network


def make(tasks: int = 3, number: int = 4, **options: Any) -> MMoE:
    return MMoE(tasks, experts(partial(MLP, 3, (5,)), number), **options)


def observations(rows: int = 8, tasks: int = 3, seed: int = 0) -> tuple[Tensor, Tensor, Tensor]:
    generator = torch.Generator().manual_seed(seed)
    x = torch.randn(rows, 3, generator=generator)
    return x, torch.randint(rows, (11,), generator=generator), torch.arange(11) % tasks


def by_hand(network: MMoE, x: Tensor, row: Tensor, task: Tensor) -> Tensor:
    """Observation by observation, as the paper writes it, over open experts alone."""
    found = []
    for r, t in zip(row.tolist(), task.tolist(), strict=True):
        open = network.open[t].nonzero()[:, 0]
        gate = (network.gate.weight[t, open] @ x[r]).softmax(0)
        found.append(
            sum(g * network.experts[int(e)](x[r : r + 1])[0] for g, e in zip(gate, open, strict=True))
        )
    return torch.stack(found)


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"bias": True},
        {"alpha": 0.5},
        {"alpha": 1.0, "mode": "exclusion", "bias": True},
        {"summary": MLP(3, (2,))},
    ],
    ids=str,
)
def test_it_keeps_its_contract(options: dict[str, Any]) -> None:
    check_network(make(**options))


@pytest.mark.parametrize("options", [{}, {"alpha": 0.5}, {"alpha": 1.0}], ids=str)
def test_it_keeps_its_contract_on_sequences(options: dict[str, Any]) -> None:
    check_network(MMoE(3, experts(partial(GRU, 2, 4), 6), **options), steps=5)


@pytest.mark.parametrize("alpha", [0.0, 0.5, 1.0])
@pytest.mark.parametrize("tasks", [3, 70])
def test_it_is_what_the_paper_says(alpha: float, tasks: int) -> None:
    network = make(tasks, 4 if tasks == 3 else 70, alpha=alpha)
    x, row, task = observations(tasks=tasks)
    # the same numbers in another order, float32
    assert torch.allclose(network(x, row, task), by_hand(network, x, row, task), atol=1e-6)


def test_tasks_that_share_rows_get_the_same_as_rows_of_their_own() -> None:
    network = make(alpha=0.5)
    x = torch.randn(4, 3, generator=torch.Generator().manual_seed(0))
    row, task = torch.arange(4).repeat_interleave(3), torch.arange(12) % 3
    assert torch.allclose(network(x, row, task), network(x[row], None, task), atol=1e-6)  # float32


class PlainMMoE(nn.Module):
    """MMoE as it is usually written: every gate at every row."""

    def __init__(self, network: MMoE) -> None:
        super().__init__()
        self.experts, self.gates = network.experts, network.gate.weight

    def forward(self, x: Tensor, task: int) -> Tensor:
        outputs = torch.stack([expert(x) for expert in self.experts], 1)
        gate = (x @ self.gates.flatten(0, 1).mT).unflatten(-1, self.gates.shape[:2])[:, task].softmax(-1)
        return (gate.unsqueeze(1) @ outputs).squeeze(1)


def test_without_restrictions_it_is_mmoe_bit_for_bit() -> None:
    network = make(alpha=0.0)
    plain, (x, _, _) = PlainMMoE(network), observations(11)
    for t in range(3):
        assert torch.equal(network(x, None, torch.full((11,), t)), plain(x, t))


@pytest.mark.parametrize("dtype", ["float32", "bfloat16", "autocast"])
@pytest.mark.parametrize("mode", ["exclusivity", "exclusion"])
@pytest.mark.parametrize("tasks", [3, 70])
def test_closed_gates_weigh_exactly_nothing(dtype: str, mode: Any, tasks: int) -> None:
    network = make(tasks, 8, alpha=0.7, mode=mode)
    x, row, task = observations(tasks=tasks)
    if dtype == "bfloat16":
        network, x = network.bfloat16(), x.bfloat16()
    with torch.autocast("cpu", torch.bfloat16, enabled=dtype == "autocast"):
        gates = network.gates(20 * x, row, task)
        all_gates = network.gate.of_all(20 * x, network.open)
        features = network(x, row, task)
    closed = ~network.open[task]
    assert closed.any() and bool((gates[closed] == 0).all())
    assert bool((all_gates.masked_select(~network.open) == 0).all())
    # rounding of 8 numbers of the type
    assert torch.allclose(gates.float().sum(-1), torch.ones(11), atol=1e-5 if dtype == "float32" else 0.03)
    assert bool(torch.isfinite(features).all())


def test_a_closed_expert_has_no_influence_and_no_gradient() -> None:
    network = make(alpha=1.0, number=3)  # each expert serves one task
    x, _, _ = observations(11)
    (own,) = network.open[0].nonzero()[:, 0].tolist()
    features = network(x, None, torch.zeros(11, dtype=torch.long))
    assert torch.allclose(features, network.experts[own](x), atol=1e-6)  # float32
    features.sum().backward()
    for e, expert in enumerate(network.experts):
        assert all((p.grad is not None and bool(p.grad.any())) == (e == own) for p in expert.parameters())


def test_experts_that_no_task_of_the_batch_may_use_are_not_evaluated() -> None:
    network, calls = make(alpha=1.0, number=3), []
    for e, expert in enumerate(network.experts):
        expert.register_forward_hook(lambda *_, e=e: calls.append(e))
    x, _, _ = observations(11)
    network(x, None, torch.arange(11) % 2)
    assert sorted(calls) == sorted(network.open[:2].any(0).nonzero()[:, 0].tolist())
    calls.clear()
    graph = torch.fx.experimental.proxy_tensor.make_fx(lambda x, task: network(x, None, task))(
        x, torch.zeros(11, dtype=torch.long)
    )
    assert len(calls) == 3
    task = torch.arange(11) % 3
    assert torch.allclose(graph(x, task), network(x, None, task), atol=1e-6)


@pytest.mark.parametrize(
    "options", [{"alpha": 0.5}, {"alpha": 1.0, "mode": "exclusion", "bias": True}], ids=str
)
def test_permuting_tasks_permutes_outputs(options: dict[str, Any]) -> None:
    network, other = make(**options), make(**options)
    order = torch.tensor([2, 0, 1])  # task t of the other is task order[t] of this
    state = network.state_dict()
    for name in ("open", "gate.weight", "gate.bias"):
        if name in state:
            state[name] = state[name][order]
    other.load_state_dict(state)
    x, row, task = observations()
    assert torch.allclose(other(x, row, task), network(x, row, order[task]), atol=1e-6)


def test_the_assignment_survives_save_and_load(tmp_path: Path) -> None:
    random = np.random.default_rng(0)
    data = TaskData.from_arrays(random.normal(size=(30, 3)), random.normal(size=30), np.arange(30) % 3)
    network = make(alpha=0.75, seed=5)
    network.open[0, :] = True  # not what the seed gives
    model = MultiTaskModel(Hierarchical(covariance="diagonal"), Gaussian(), network)
    posterior = SVI(steps=5, draws=4, progress=False).run(model, data)
    again = load(posterior.save(tmp_path / "fit"))
    assert torch.equal(again.program.network.open, network.open)
    expected = posterior.predict(data).mean
    assert np.array_equal(again.predict(data).mean, expected)
    with pytest.raises(UnsupportedError, match="MMoE has parameters of each task"):
        posterior.predict(np.zeros((2, 3)), new_task=True)


class OwnExpert(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(3, 2)

    def forward(self, x: Tensor) -> Tensor:
        return self.layer(x).sin()


def test_experts_of_ones_own(tmp_path: Path) -> None:
    network = MMoE(3, experts(OwnExpert, 4), out_features=2)
    assert not torch.equal(network.experts[0].layer.weight, network.experts[1].layer.weight)
    check_network(network)
    random = np.random.default_rng(0)
    data = TaskData.from_arrays(random.normal(size=(30, 3)), random.normal(size=30), np.arange(30) % 3)
    model = MultiTaskModel(Hierarchical(covariance="diagonal"), Gaussian(), network)
    posterior = SVI(steps=3, draws=4, progress=False).run(model, data)
    path = posterior.save(tmp_path / "fit")
    with pytest.raises(UnsupportedError):
        load(path).predict(data)
    assert np.array_equal(load(path, model).predict(data).mean, posterior.predict(data).mean)


@pytest.mark.parametrize("mode", ["exclusivity", "exclusion"])
def test_assignments(mode: str) -> None:
    """Every task keeps an expert; each restricted expert serves one task, or all but one."""
    for seed in range(200):
        for tasks, number, alpha in ((4, 12, 1.0), (4, 4, 1.0), (3, 8, 0.5), (2, 2, 1.0)):
            found = open_experts(tasks, number, alpha, mode, seed)
            assert bool(found.any(1).all())
            restricted = round(alpha * number)
            served = found.sum(0)
            special = 1 if mode == "exclusivity" else tasks - 1
            assert int((served == special).sum()) >= restricted and int((served == tasks).sum()) == (
                number - restricted
            )
    a, b = (open_experts(4, 12, 0.5, mode, seed) for seed in (1, 2))
    assert torch.equal(a, open_experts(4, 12, 0.5, mode, 1)) and not torch.equal(a, b)


def test_gates_over_sequences_see_the_mean_of_the_steps_so_far() -> None:
    network = MMoE(3, experts(partial(GRU, 2, 4), 3), alpha=0.34)
    x = torch.randn(4, 6, 2, generator=torch.Generator().manual_seed(0))
    row, step, task = torch.tensor([0, 3, 3]), torch.tensor([5, 0, 2]), torch.tensor([0, 1, 2])
    means = torch.stack([x[r, : s + 1].mean(0) for r, s in zip(row, step, strict=True)])
    logits = (network.gate.weight[task] @ means.unsqueeze(-1)).squeeze(-1)
    expected = logits.masked_fill(~network.open[task], -torch.inf).softmax(-1)
    assert torch.allclose(network.gates(x, row, task, step), expected, atol=1e-6)
    outputs = network.expert_outputs(x)[row, step]
    assert torch.allclose(network(x, row, task, step), (expected.unsqueeze(-1) * outputs).sum(1), atol=1e-6)


@pytest.mark.parametrize("alpha", [0.0, 1.0])
def test_a_model_keeps_its_contract(alpha: float) -> None:
    random = np.random.default_rng(0)
    y = random.normal(size=24)
    y[::2] = y[::2] > 0
    data = TaskData.from_arrays(random.normal(size=(24, 3)), y, np.arange(24) % 4)
    likelihood = Mixed({"0": Bernoulli(), "1": Gaussian(), "2": Bernoulli(), "3": Gaussian()})
    check_model(MultiTaskModel(Hierarchical(), likelihood, make(4, alpha=alpha)), data)


def test_what_does_not_fit_is_refused() -> None:
    data = TaskData.from_arrays(np.eye(6)[:, :3], np.arange(6.0), np.arange(6) % 2)
    with pytest.raises(
        InputError, match=r"network \(tasks\): expected the number of tasks of the data, 2, found 3"
    ):
        MultiTaskModel(Hierarchical(), Gaussian(), make(3)).program(data)
    with pytest.raises(InputError, match="alpha: expected an expert left open for each of 3 tasks"):
        make(3, 2, alpha=1.0)
    for tasks, number in ((2, 1), (1, 3)):
        with pytest.raises(
            InputError, match=f"alpha: expected an expert left open for each of {tasks} tasks"
        ):
            make(tasks, number, alpha=1.0, mode="exclusion")
    with pytest.raises(InputError, match="alpha: expected between 0 and 1"):
        make(alpha=1.5)
    with pytest.raises(InputError, match=r"experts \(out_features\): expected one width for all"):
        MMoE(2, [MLP(3, (4,)), MLP(3, (5,))])
    with pytest.raises(InputError, match=r"Pass out_features="):
        MMoE(2, [OwnExpert()])


@pytest.mark.usefixtures("unchecked")
def test_other_things_are_no_experts() -> None:
    with pytest.raises(InputTypeError, match="experts: expected instances"):
        MMoE(2, [MLP])  # type: ignore[list-item]
    with pytest.raises(InputError, match="mode: expected one of"):
        make(mode="other")
