"""Networks that break their contract in one place each, and the error that says so."""

from typing import Any

import pytest
import torch
from torch import Tensor, nn

from bayes_mtl._errors import InputError, InputTypeError
from bayes_mtl.networks import MLP
from bayes_mtl.testing import CheckFailed, check_network


class Right(nn.Module):
    """A correct network to break: features gated by task."""

    out_features = 2

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(3, 2)
        self.gate = nn.Parameter(torch.linspace(0.5, 2.0, 6).reshape(3, 2))

    def forward(self, x: Tensor, row: Tensor | None, task: Tensor) -> Tensor:
        h = self.layer(x).tanh()
        h = h if row is None else h.index_select(0, row)
        return h * self.gate[task]


class NoWidth(Right):
    out_features = None  # type: ignore[assignment]


class OtherWidth(Right):
    out_features = 3


class RowsOnly(Right):
    def forward(self, x: Tensor, row: Tensor | None, task: Tensor) -> Tensor:
        return self.layer(x)


class Batchwise(Right):
    def forward(self, x: Tensor, row: Tensor | None, task: Tensor) -> Tensor:
        h = super().forward(x, row, task)
        return h - h.mean(0)


class Noisy(Right):
    def forward(self, x: Tensor, row: Tensor | None, task: Tensor) -> Tensor:
        return nn.functional.dropout(super().forward(x, row, task), 0.5, training=True)


class Idle(Right):
    def __init__(self) -> None:
        super().__init__()
        self.idle = nn.Linear(2, 2)


class InPlace(Right):
    def forward(self, x: Tensor, row: Tensor | None, task: Tensor) -> Tensor:
        return super().forward(x.mul_(2.0), row, task)


class Counting(Right):
    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("calls", torch.zeros(()))

    def forward(self, x: Tensor, row: Tensor | None, task: Tensor) -> Tensor:
        self.calls += 1
        return super().forward(x, row, task)


class Float32(Right):
    def forward(self, x: Tensor, row: Tensor | None, task: Tensor) -> Tensor:
        return super().forward(x, row, task).float()


class Cut(Right):
    def forward(self, x: Tensor, row: Tensor | None, task: Tensor) -> Tensor:
        h = self.layer(x).detach().tanh()
        return (h if row is None else h.index_select(0, row)) * self.gate[task]


class NeedsRow(Right):
    def forward(self, x: Tensor, row: Any, task: Tensor) -> Tensor:
        return super().forward(x, row.long(), task)


BROKEN: dict[type[nn.Module], str] = {
    NoWidth: "out_features: expected a positive integer",
    OtherWidth: r"shape \(14, 3\)",
    RowsOnly: "Return one row of features for each observation",
    Batchwise: "features of an observation: expected those it has alone",
    Noisy: "random numbers",
    Idle: "gradient of the parameter 'idle.weight'",
    InPlace: "expected the same output twice|inputs and state as they were",
    Counting: "inputs and state as they were, found .*calls",
    Float32: "in float64: forward",
    Cut: "gradient of the parameter 'layer.weight'",
    NeedsRow: "row may be None",
}


@pytest.mark.parametrize("kind", BROKEN, ids=lambda kind: kind.__name__)
def test_a_broken_rule_is_named(kind: type[nn.Module]) -> None:
    with pytest.raises(CheckFailed, match=BROKEN[kind]) as caught:
        check_network(kind())
    assert str(caught.value).startswith(kind.__name__)


def test_correct_networks_pass_and_are_not_changed() -> None:
    network = Right()
    before = {name: value.clone() for name, value in network.state_dict().items()}
    state = torch.get_rng_state()
    check_network(network)
    check_network(MLP(3, (4, 2)))
    assert torch.equal(state, torch.get_rng_state()) and network.training
    assert all(torch.equal(value, before[name]) for name, value in network.state_dict().items())


def test_sequences() -> None:
    class Last(nn.Module):
        out_features = 4

        def __init__(self) -> None:
            super().__init__()
            self.cell = nn.GRU(2, 4, batch_first=True)

        def forward(
            self, x: Tensor, row: Tensor | None, task: Tensor, step: Tensor, length: Tensor | None = None
        ) -> Tensor:
            row = torch.arange(len(x)) if row is None else row
            return self.cell(x)[0][row, step]

    class LooksAhead(Last):
        def forward(self, x: Tensor, *others: Any, **more: Any) -> Tensor:
            return super().forward(x.flip(1), *others, **more)

    check_network(Last(), features=2, steps=5)
    with pytest.raises(CheckFailed, match="features at the last valid step"):
        check_network(LooksAhead(), features=2, steps=5)
    with pytest.raises(InputError, match="features: expected the number of input features"):
        check_network(Last())


@pytest.mark.usefixtures("unchecked")
def test_other_things_are_no_networks() -> None:
    with pytest.raises(InputTypeError, match=r"network: expected an nn\.Module"):
        check_network(torch.ones(2))  # type: ignore[arg-type]
