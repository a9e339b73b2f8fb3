"""Rules for the network's gradient: what they change, and what they leave as it is."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from pyro.distributions import Normal
from pyro.nn import PyroModule, PyroSample
from torch import Tensor, nn

from bayes_mtl import MultiTaskModel, TaskData
from bayes_mtl._errors import InputError, InputTypeError, UnsupportedError
from bayes_mtl.data import Batch
from bayes_mtl.inference import (
    DWA,
    LBTW,
    SVI,
    AbstractModuleGradient,
    AbstractTaskWeights,
    Evaluation,
    InverseSize,
    Memory,
    NetworkTraining,
    StaticWeights,
    Tasks,
)
from bayes_mtl.likelihoods import Gaussian
from bayes_mtl.networks import MLP, AbstractObjectiveNetwork, TrainingFeatures
from bayes_mtl.priors import Independent
from tests.inference import rules

BALANCING: dict[str, AbstractModuleGradient] = {
    "static": StaticWeights({"a": 2.0, "c": 0.5}),
    "size": InverseSize(),
    "lbtw": LBTW(epoch=3),
    "dwa": DWA(epoch=2),
}


def is_network(name: str) -> bool:
    return name.startswith("program/network")


@pytest.mark.parametrize("particles", [1, 3])
def test_equal_weights_give_the_gradient_of_the_elbo(particles: int) -> None:
    loss, expected = rules.one_step(None, particles=particles)
    found_loss, found = rules.one_step(StaticWeights({}), particles=particles)
    assert float(found_loss) == float(loss)
    assert any(is_network(name) for name in expected)
    for name, value in expected.items():
        # The same sums in another order, in float32.
        torch.testing.assert_close(found[name], value, rtol=1e-4, atol=1e-5)


def test_weights_multiply_the_shares_of_the_tasks() -> None:
    parts = {
        name: rules.one_step(StaticWeights({other: float(other == name) for other in "abc"}))[1]
        for name in "abc"
    }
    _, whole = rules.one_step(None)
    _, weighted = rules.one_step(BALANCING["static"])
    for name, value in whole.items():
        if not is_network(name):
            torch.testing.assert_close(weighted[name], value, rtol=1e-4, atol=1e-5)
            continue
        a, b, c = (parts[task][name] for task in "abc")
        # float32, the same sums in another order
        torch.testing.assert_close(a + b + c, value, rtol=1e-3, atol=1e-4)
        torch.testing.assert_close(2 * a + b + 0.5 * c, weighted[name], rtol=1e-3, atol=1e-4)


class HalfRandom(PyroModule):
    """A deterministic layer on a layer with random weights."""

    out_features = 3

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.fixed = nn.Linear(4, 3)
        self.random = PyroModule[nn.Linear](2, 4, bias=False)
        self.random.weight = PyroSample(Normal(0.0, 1.0).expand([4, 2]).to_event(2))

    def forward(self, x: Tensor, row: Tensor | None, task: Tensor | None) -> Tensor:
        features = torch.tanh(self.fixed(torch.tanh(x @ self.random.weight.mT)))
        return features if row is None else features.index_select(-2, row)


def test_random_weights_of_a_network_get_the_gradient_of_the_elbo() -> None:
    _, expected = rules.one_step(None, network=HalfRandom(), particles=1)
    _, found = rules.one_step(StaticWeights({"a": 0.0, "b": 5.0}), network=HalfRandom(), particles=1)
    moved = [name for name in expected if not torch.allclose(found[name], expected[name], 1e-4, 1e-5)]
    assert sorted(moved) == ["program/network.fixed.bias", "program/network.fixed.weight"]


@pytest.mark.parametrize(("name", "steps"), [("lbtw", 4), ("dwa", 8)])  # of 3 an epoch: one, or two
def test_captured_steps_are_the_same(name: str, steps: int) -> None:
    settings = {"learning_rate": 0.005, "weight_decay": 0.1}
    one = rules.trajectory(BALANCING[name], steps, captured=False, settings=settings)
    other = rules.trajectory(BALANCING[name], steps, captured=True, settings=settings)
    np.testing.assert_allclose(one[0], other[0], rtol=1e-4)  # float32
    for key, value in one[1].items():
        torch.testing.assert_close(other[1][key], value, rtol=1e-3, atol=1e-3)


def memory_after(
    rule: AbstractTaskWeights, losses: np.ndarray, kind: "type[_Losses] | None" = None
) -> list[Tensor]:
    """Weights at each of some steps, given the losses ``[steps, tasks]``; NaN where a task is absent."""
    number = losses.shape[1]
    memory = rule.start(
        Tasks(
            tuple("abc"[:number]),
            torch.ones(number),
            torch.ones(number, dtype=torch.bool),
            epoch=2,
            learning_rate=0.1,
        )
    )
    found = []
    for row in torch.as_tensor(losses).float():
        evaluation: Any = (kind or _Losses)(row)
        found.append(rule.weights(evaluation, memory))
    return found


@dataclass
class _Losses:
    """What balancing reads of an evaluation."""

    row: Tensor
    tasks: int = field(init=False)

    def __post_init__(self) -> None:
        self.tasks = len(self.row)

    @property
    def present(self) -> Tensor:
        return ~self.row.isnan()

    def losses(self) -> Tensor:
        return self.row.nan_to_num(1.0)

    def log_losses(self) -> Tensor:
        return self.losses().log()


@dataclass
class _LogLosses(_Losses):
    """The same, given the logarithms."""

    def log_losses(self) -> Tensor:
        return self.row.nan_to_num(0.0)


@pytest.mark.usefixtures("unchecked")
def test_losses_beyond_float32_are_balanced_as_any_others() -> None:
    """Only ratios count: a factor of exp(300) of all losses changes nothing."""
    log = np.random.default_rng(0).normal(size=(6, 3))
    for rule in (LBTW(), DWA()):
        few = memory_after(rule, np.exp(log))
        many = memory_after(rule, log + 300.0, _LogLosses)
        for found, expected in zip(many, few, strict=True):
            np.testing.assert_allclose(found, expected, rtol=1e-4)  # float32 of 300 and exponentials
        grown = memory_after(rule, log + 300.0 * np.arange(6)[:, None] * [0, 1, 2], _LogLosses)
        assert all(np.isclose(found.sum(), 3.0) for found in grown)


@pytest.mark.parametrize("rule", [LBTW(epoch=3), DWA(epoch=1)], ids=["lbtw", "dwa"])
def test_large_residuals_leave_the_network_finite(rule: AbstractTaskWeights) -> None:
    random = np.random.default_rng(0)
    task = np.repeat(["a", "b"], 15)
    y = random.normal(size=30)
    # standardised targets lie 50 standard deviations of the noise away: 1,000 nats
    data = TaskData.from_arrays(random.normal(size=(30, 2)), y, task, noise=np.full(30, 0.02 * y.std()))
    model = MultiTaskModel(Independent(1.0), Gaussian(noise="known"), network=MLP(2, (3,)))
    svi = SVI(network=NetworkTraining(rule), steps=4, particles=1, progress=False, compile=False, draws=2)
    found = svi.run(model, data)
    assert found.program.network is not None and found.record.stopped == "step limit"
    assert all(value.isfinite().all() for value in found.program.network.parameters())


@pytest.mark.usefixtures("unchecked")
def test_lbtw_by_hand() -> None:
    losses = np.array([[2.0, 4.0, np.nan], [1.0, 4.0, 3.0], [0.5, 1.0, 2.0], [1.0, np.nan, 1.0]])
    ratios = [[1, 1, 1], [0.5, 1, 1], [1, 1, 1], [2, 1, 0.5]]
    for found, ratio in zip(memory_after(LBTW(power=0.5), losses), ratios, strict=True):
        expected = np.sqrt(ratio)
        np.testing.assert_allclose(found, 3 * expected / expected.sum(), rtol=1e-6)


@pytest.mark.usefixtures("unchecked")
def test_dwa_by_hand() -> None:
    losses = np.array([[2.0, 4.0], [4.0, 2.0], [1.0, 3.0], [2.0, 3.0], [9.0, 9.0], [9.0, 9.0]])
    even = np.ones(2)
    ratio = np.array([1.5 / 3, 1.0])
    last = 2 * np.exp(ratio / 2) / np.exp(ratio / 2).sum()
    for found, expected in zip(memory_after(DWA(), losses), [even] * 4 + [last] * 2, strict=True):
        np.testing.assert_allclose(found, expected, rtol=1e-6)


def test_weights_inverse_to_the_size() -> None:
    counts = torch.tensor([1.0, 2.0, 4.0])
    memory = InverseSize().start(Tasks(("a", "b", "c"), counts, counts > 0, epoch=1, learning_rate=0.1))
    np.testing.assert_allclose(memory["weights"], 3 * np.array([4, 2, 1]) / 7, rtol=1e-6)


def test_losses_of_densities_are_positive_and_do_not_depend_on_the_unit() -> None:
    seen: list[Tensor] = []

    @dataclass(frozen=True)
    class Spy(AbstractTaskWeights):
        """Writes the losses down."""

        def start(self, tasks: Tasks) -> Memory:
            return Memory()

        def weights(self, evaluation: Evaluation, memory: Memory) -> Tensor:
            seen.append(evaluation.losses())
            mean = [evaluation.nll[evaluation.batch.task == task].mean() for task in range(3)]
            expected = torch.stack([mean[0].exp(), mean[1].exp(), mean[2]])
            torch.testing.assert_close(seen[-1], expected)
            return torch.ones(3)

    rules.one_step(Spy())
    assert (seen[0] > 0).all()


@pytest.mark.parametrize("name", ["lbtw", "dwa"])
def test_a_checkpoint_goes_on_exactly(name: str, tmp_path: Path) -> None:
    settings: dict[str, Any] = {
        "network": NetworkTraining(BALANCING[name], learning_rate=0.01, weight_decay=0.1),
        "batch_size": 24,
        "draws": 5,
        "progress": False,
        "compile": False,
    }
    straight = SVI(steps=15, **settings).run(rules.model(), rules.data())
    path = str(tmp_path / "fit")
    SVI(steps=7, checkpoint=path, **settings).run(rules.model(), rules.data())
    resumed = SVI(steps=15, checkpoint=path, **settings).run(rules.model(), rules.data())
    np.testing.assert_array_equal(resumed.record.losses, straight.record.losses)
    assert torch.equal(resumed.draws["weights"], straight.draws["weights"])


def test_weight_decay_is_that_of_adamw() -> None:
    torch.manual_seed(0)
    one, other = nn.Linear(3, 2), nn.Linear(3, 2)
    other.load_state_dict(one.state_dict())
    from bayes_mtl.inference._decay import DECAY, decay_weights

    adam = torch.optim.Adam([{"params": list(one.parameters()), DECAY: 0.3}], lr=0.1)
    adam.register_step_pre_hook(decay_weights)
    reference = torch.optim.AdamW(other.parameters(), lr=0.1, weight_decay=0.3)
    for _ in range(5):
        for module, optimiser in ((one, adam), (other, reference)):
            optimiser.zero_grad()
            module(torch.ones(4, 3)).square().sum().backward()
            optimiser.step()
    torch.testing.assert_close(one.weight, other.weight)


def test_a_network_that_nothing_trains_is_refused() -> None:
    frozen = rules.MLP(2, (3,)).requires_grad_(False).eval()
    for network, reason in ((None, "no network"), (frozen, "a frozen one")):
        model = rules.model() if network is None else rules.model(network)
        if network is None:
            object.__setattr__(model, "network", None)
        with pytest.raises(UnsupportedError, match=f"this one has {reason}"):
            SVI(network=NetworkTraining(LBTW()), steps=1, progress=False).run(model, rules.data())


@pytest.mark.parametrize("captured", [False, True])
def test_frozen_parameters_stay(captured: bool) -> None:
    network = rules.MLP(2, (3, 3))
    network.layers[0].requires_grad_(False)
    _, found = rules.trajectory(StaticWeights({}), 2, captured=captured, network=network.eval())
    prefix = "program/network.layers"
    assert torch.equal(found[f"{prefix}.0.weight"], network.layers[0].weight)  # type: ignore[arg-type]
    assert not torch.equal(found[f"{prefix}.2.weight"], network.layers[2].weight)  # type: ignore[arg-type]


BAD: list[tuple[Any, dict[str, Any], str]] = [
    (LBTW, {"power": -1.0}, "power"),
    (LBTW, {"epoch": 0}, "epoch"),
    (DWA, {"temperature": 0.0}, "temperature"),
    (StaticWeights, {"by_task": {"a": -1.0}}, "by_task"),
    (NetworkTraining, {"learning_rate": 0.0}, "learning_rate"),
    (NetworkTraining, {"weight_decay": -1.0}, "weight_decay"),
]


@pytest.mark.parametrize(("kind", "settings", "name"), BAD)
def test_bad_settings(kind: Any, settings: dict[str, Any], name: str) -> None:
    with pytest.raises(InputError, match=f"^{name}: expected .*, found .*"):
        kind(**settings)


@pytest.mark.usefixtures("unchecked")
def test_a_rule_is_an_instance() -> None:
    with pytest.raises(InputTypeError, match="rule: expected a rule"):
        NetworkTraining(rule=LBTW)


def test_weights_of_unknown_tasks() -> None:
    with pytest.raises(InputError, match=r"by_task: expected tasks of the data \(a, b, c\), found \['z'\]"):
        rules.one_step(StaticWeights({"z": 1.0}))


class Penalised(AbstractObjectiveNetwork):
    """Adds terms of its parameters and of each observation to the objective."""

    out_features = 3

    def __init__(self) -> None:
        super().__init__()
        self.inner = rules.MLP(2, (3,))

    def forward(self, x: Tensor, row: Tensor | None, task: Tensor) -> Tensor:
        return self.inner(x, row, task)

    def objective(self, batch: Batch) -> TrainingFeatures:
        features = self(batch.x, batch.row, batch.task)
        return TrainingFeatures(features, lambda _: -features.square().sum(-1))


def test_a_networks_own_terms_keep_their_gradient() -> None:
    nothing = StaticWeights(dict.fromkeys("abc", 0.0))
    _, plain = rules.one_step(None, network=rules.MLP(2, (3,)), particles=1)
    _, whole = rules.one_step(None, network=Penalised(), particles=1)
    _, found = rules.one_step(nothing, network=Penalised(), particles=1)
    for name, value in found.items():
        if is_network(name):
            likelihood = plain[name.replace("network.inner", "network")]
            # float32
            torch.testing.assert_close(value, whole[name] - likelihood, rtol=1e-3, atol=1e-3)
            assert value.abs().max() > 0.1
