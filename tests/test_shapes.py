"""Sizes, the plate of tasks, and the one helper that moves values from tasks to observations."""

import pyro
import pytest
import torch
from pyro import poutine
from pyro.distributions import Normal

from bayes_mtl._shapes import Dims, gather_tasks

TASK = torch.tensor([2, 0, 0, 1, 2])


@pytest.mark.parametrize("event", [(), (3,), (3, 2)])
@pytest.mark.parametrize("lead", [(), (4,), (5, 4)])
def test_values_of_tasks_are_gathered_under_any_particles(
    lead: tuple[int, ...], event: tuple[int, ...]
) -> None:
    value = torch.randn(*lead, 3, *event)
    found = gather_tasks(value, TASK, 3, len(event))
    assert found.shape == (*lead, 5, *event)
    for i, task in enumerate(TASK.tolist()):
        ahead = (slice(None),) * len(lead)
        assert torch.equal(found[(*ahead, i)], value[(*ahead, task)])


@pytest.mark.parametrize("event", [(), (3,), (3, 2)])
def test_shared_values_broadcast(event: tuple[int, ...]) -> None:
    for value in (torch.randn(event), torch.randn(1, *event), torch.randn(4, 1, *event)):
        found = gather_tasks(value, TASK, 3, len(event))
        assert found is value
        assert torch.broadcast_shapes(found.shape, (5, *event))[-1 - len(event)] == 5


def test_one_task_is_gathered_like_many() -> None:
    value = torch.randn(4, 1, 2)
    found = gather_tasks(value, torch.zeros(5, dtype=torch.long), 1, 1)
    assert torch.equal(found, value.expand(4, 5, 2))


def test_sizes_that_agree_by_chance_do_not_matter() -> None:
    """As many particles, tasks, features and outputs: only the place of the axis counts."""
    value = torch.randn(3, 3, 3, 3)
    found = gather_tasks(value, TASK, 3, 2)
    assert torch.equal(found, value[:, TASK])


def test_the_plate_is_at_the_batch_axis() -> None:
    dims = Dims(tasks=4, features=3, outputs=2)
    assert dims.weights == (3, 2)

    def program() -> None:
        with pyro.plate("particles", 6, dim=-2), dims.plate():
            value = pyro.sample("w", Normal(0.0, 1.0).expand([3, 2]).to_event(2))
            assert value.shape == (6, 4, 3, 2)

    (frame, *_) = [
        frame
        for frame in poutine.trace(program).get_trace().nodes["w"]["cond_indep_stack"]
        if frame.name == "tasks"
    ]
    assert (frame.dim, frame.size) == (-1, 4)


def test_it_may_be_entered_twice() -> None:
    dims = Dims(tasks=4, features=3)

    def program() -> None:
        for name in ("a", "b"):
            with dims.plate():
                pyro.sample(name, Normal(0.0, 1.0))

    assert {"a", "b"} <= poutine.trace(program).get_trace().nodes.keys()
