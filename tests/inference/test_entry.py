"""Direct calls of compiled code."""

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.fx.experimental.proxy_tensor import make_fx

from bayes_mtl._errors import UnsupportedError
from bayes_mtl.inference._arguments import kinds_of, require_kinds
from bayes_mtl.inference._compile import compile_graph
from bayes_mtl.inference._entry import Entry

KEPT = torch.arange(3.0)


def entry(function: Callable[..., Any], *inputs: Tensor) -> Entry:
    found = compile_graph(make_fx(function)(*inputs), inputs)
    assert isinstance(found, Entry)
    return found


def test_later_calls_are_direct_and_change_state_in_place() -> None:
    def step(state: Tensor, x: Tensor) -> tuple[Tensor, Tensor]:
        state.add_(x * KEPT)
        return state.sum(), x * x

    run = entry(step, torch.zeros(3), torch.ones(3))
    state, x = torch.zeros(3), torch.tensor([1.0, 2.0, 3.0])
    direct = []
    for number in range(1, 4):
        total, square = run(state, x)
        direct.append(run.direct)
        assert torch.equal(state, number * x * KEPT)  # what belongs to the graph is handed over, too
        assert float(total) == float(state.sum()) and torch.equal(square, x * x)
    assert direct == [True] * 3
    other = torch.zeros(3)
    run(other, x)
    assert torch.equal(other, x * KEPT) and torch.equal(state, 3 * x * KEPT)


def test_random_numbers_are_new_at_every_call() -> None:
    run = entry(lambda x: x + torch.randn(3), torch.zeros(3))
    with torch.random.fork_rng():
        torch.manual_seed(0)
        found = [run(torch.zeros(3)) for _ in range(3)]
        torch.manual_seed(0)
        expected = [torch.randn(3) for _ in range(3)]
    assert run.direct
    for a, b in zip(found, expected, strict=True):
        assert torch.equal(a, b)


@pytest.mark.parametrize("view", [False, True])
def test_inputs_and_views_of_them_come_back_as_they_are(view: bool) -> None:
    # a view of an input is put together by torch's wrapper, not by the code: it is never left out
    run = entry(lambda x, y: (x.view(3, 1) if view else x, x + y), torch.zeros(3), torch.ones(3))
    for number in range(3):
        x = torch.full((3,), float(number))
        same, more = run(x, torch.ones(3))
        assert same.data_ptr() == x.data_ptr() and torch.equal(same.flatten(), x)
        assert torch.equal(more, x + 1) and same.dim() == (2 if view else 1)
    assert run.direct is not view


def test_another_way_of_calling_is_never_shortened() -> None:
    calls = []

    def run(*inputs: Tensor) -> Tensor:
        calls.append(inputs)
        return inputs[0] + 1

    there = Entry(run)
    assert [float(there(torch.tensor(float(i)))) for i in range(3)] == [1.0, 2.0, 3.0]
    assert not there.direct and len(calls) == 3


def test_a_batch_of_another_shape_is_refused() -> None:
    drawn = {"index": torch.arange(4), "factor": torch.ones(4)}
    expected = kinds_of(drawn)
    require_kinds({"index": torch.arange(4) + 1, "factor": torch.zeros(4)}, expected)
    for changed in (torch.ones(5), torch.ones(4, dtype=torch.float64), torch.ones(8)[::2]):
        with pytest.raises(UnsupportedError, match="compile=False"):
            require_kinds({**drawn, "factor": changed}, expected)
