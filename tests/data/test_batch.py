"""What one evaluation of the model sees."""

from dataclasses import fields

import torch

from bayes_mtl.data import Batch


def make() -> Batch:
    return Batch(
        x=torch.arange(6.0).reshape(3, 2),
        fixed=torch.arange(3.0)[:, None],
        row=torch.tensor([2, 0, 0, 1]),
        task=torch.tensor([1, 0, 1, 0]),
        y=torch.arange(4.0),
        noise=torch.arange(4.0) + 1,
        censored=torch.tensor([True, False, True, False]),
        scale=torch.tensor([1.0, 2.0, 3.0, 4.0]),
        shift=torch.zeros(2, 1),
        spread=torch.tensor([[2.0], [5.0]]),
    )


def test_sizes() -> None:
    batch = make()
    assert (batch.observations, batch.tasks) == (4, 2)
    torch.testing.assert_close(batch.spread_of_observations(), torch.tensor([5.0, 2.0, 5.0, 2.0]))


def test_selected_observations_bring_their_rows() -> None:
    batch = make().select(torch.tensor([3, 0, 3]), scale=torch.tensor([1.0, 10.0, 100.0]))
    assert batch.row is None and batch.fixed is not None
    torch.testing.assert_close(batch.x, torch.tensor([[2.0, 3.0], [4.0, 5.0], [2.0, 3.0]]))
    torch.testing.assert_close(batch.fixed[:, 0], torch.tensor([1.0, 2.0, 1.0]))
    torch.testing.assert_close(batch.scale, torch.tensor([4.0, 10.0, 400.0]))
    assert batch.y is not None and batch.y.tolist() == [3.0, 0.0, 3.0]
    assert batch.censored is not None and batch.censored.tolist() == [False, True, False]
    assert batch.trials is None and batch.tasks == 2


def test_columns_are_those_present() -> None:
    columns = make().columns(torch.tensor([1]))
    assert set(columns) == {"task", "y", "noise", "censored", "scale"}
    assert columns["task"].tolist() == [0]


def test_moving_changes_only_floating_point_types() -> None:
    moved = make().to("cpu", torch.float64)
    for f in fields(moved):
        value = getattr(moved, f.name)
        if isinstance(value, torch.Tensor):
            expected = {"task": torch.int64, "row": torch.int64, "censored": torch.bool}
            assert value.dtype == expected.get(f.name, torch.float64)
