"""Two processes find what one does."""

import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from bayes_mtl import TaskData, load
from bayes_mtl._errors import InputError, UnsupportedError
from bayes_mtl._seed import seeded
from bayes_mtl.inference import SVI, InverseSize, NetworkTraining, _fit_on_many, _shared_step
from bayes_mtl.inference._arguments import next_arguments
from bayes_mtl.inference._batches_of import batches_of
from bayes_mtl.inference._compiled_step import CompiledStep
from bayes_mtl.inference._learned import Learned
from bayes_mtl.inference._local import local_parameters
from bayes_mtl.inference._make_guide import make_guide
from bayes_mtl.inference._parts import Parts
from bayes_mtl.inference._processes import ALONE
from bayes_mtl.inference._shared_step import SharedStep
from tests.inference import shared_fits
from tests.inference.shared_fits import STEPS, fits, gradient, normalised

FITS = fits()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What two processes left, each in files of its own; ``started`` is the posterior that came back."""
    pytest.importorskip("lightning_fabric", reason="the extra 'distributed' is not installed")
    found, fit = tmp_path_factory.mktemp("two"), FITS["whole"]
    before = torch.get_rng_state()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(_fit_on_many, "process_of_fit", shared_fits.process)
        patch.setenv(shared_fits.FOLDER, str(found))
        replace(fit.svi, devices=2).run(fit.model, fit.data).save(found / "started")
    assert torch.equal(torch.get_rng_state(), before)
    return found


@pytest.mark.parametrize("name", FITS)
def test_gradients_are_those_of_one_process(name: str, folder: Path) -> None:
    one = gradient(FITS[name], ALONE).numpy()
    two = [np.load(folder / f"{name}-{rank}.npy") for rank in (0, 1)]
    assert (two[0] == two[1]).all()
    # float32: an epsilon of 6e-8 for each of some ten roundings, in sums of another order
    assert np.linalg.norm(two[0] - one) <= 1e-6 * np.linalg.norm(one)


@pytest.mark.parametrize("name", FITS)
def test_the_path_is_that_of_one_process(name: str, folder: Path) -> None:
    fit = FITS[name]
    one, two = fit.svi.run(fit.model, fit.data), load(folder / f"{name}-0", fit.model)
    # a relative 1e-6 a step, which Adam, whose first steps have the size of the rate whatever the gradient's,
    # makes more of
    np.testing.assert_allclose(two.record.losses, one.record.losses, rtol=2e-4)
    for site, value in one.draws.items():
        torch.testing.assert_close(two.draws[site], value, rtol=5e-3, atol=5e-3)
    assert one.record.log_weights is not None and two.record.log_weights is not None
    np.testing.assert_allclose(two.record.log_weights, one.record.log_weights, rtol=5e-3)


@pytest.mark.parametrize("name", [*FITS, "normalised"])
def test_both_processes_return_the_same(name: str, folder: Path) -> None:
    fit = FITS.get(name) or normalised()
    first, second = (load(folder / f"{name}-{rank}", fit.model) for rank in (0, 1))
    assert first.record.losses.tolist() == second.record.losses.tolist()
    assert first.record.held_out.tolist() == second.record.held_out.tolist()
    assert len(first.record.held_out) == (3 if name == "normalised" else 0)
    assert all(torch.equal(value, second.draws[site]) for site, value in first.draws.items())
    assert np.array_equal(first.record.log_weights, second.record.log_weights)  # type: ignore[arg-type]
    learned, again = first.program.state_dict(), second.program.state_dict()
    assert all(torch.equal(value, again[site]) for site, value in learned.items())


def test_one_process_goes_on_from_the_checkpoint_of_two(folder: Path) -> None:
    fit = FITS["batches"]
    one = fit.svi.run(fit.model, fit.data)
    path = folder / "copy"
    path.write_bytes((folder / "checkpoint").read_bytes())
    rest = replace(fit.svi, checkpoint=str(path)).run(fit.model, fit.data)
    assert len(rest.record.losses) == STEPS
    np.testing.assert_allclose(rest.record.losses, one.record.losses, rtol=2e-4)


def test_what_comes_back_is_the_posterior(folder: Path) -> None:
    fit = FITS["whole"]
    back, one = (load(folder / name, fit.model) for name in ("started", "whole-0"))
    assert back.record.losses.tolist() == one.record.losses.tolist()
    assert all(torch.equal(value, back.draws[site]) for site, value in one.draws.items())
    assert back.predict(fit.data.x[:3], fit.data.schema.tasks[:3]).mean.shape == (3,)


@pytest.mark.parametrize(("name", "compiled"), [("batches", False), ("tasks", True)])
def test_a_shared_step_of_one_process_is_a_step(
    name: str, compiled: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With the captured graph run as it is: compiling it takes long, and is tested for the other steps."""
    monkeypatch.setattr(_shared_step, "compile_graph", lambda graph, inputs: graph)
    paths = []
    for shared in (False, True):
        fit = FITS[name]
        with seeded(3), local_parameters():
            program = fit.model.program(fit.data)
            batches, _ = batches_of(program, fit.data, fit.svi.batch_size, 1.0, 0, torch.device("cpu"))
            guide = make_guide(None, program, {})
            learned = Learned(program, guide, next_arguments(batches))
            optimiser = torch.optim.Adam(learned.groups(), lr=0.02, fused=True)
            parts = Parts(program, guide, batches, learned, optimiser, 2)
            drawn = batches.draw()
            step = (
                SharedStep(parts, ALONE, drawn if compiled else None)
                if shared
                else CompiledStep(parts, drawn, compiled=False)
            )
            losses = [step(batches.draw()) for _ in range(5)]
            step.finish()
            assert {float(entry["step"]) for entry in optimiser.state.values()} == {5.0}
        paths.append((losses, [value.detach().clone() for value in learned.tensors().values()]))
    assert paths[0][0] == pytest.approx(paths[1][0], rel=1e-5)  # float32 sums in another order
    for one, other in zip(paths[0][1], paths[1][1], strict=True):
        torch.testing.assert_close(one, other, rtol=1e-4, atol=1e-4)


def test_without_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in [name for name in sys.modules if name.startswith("lightning_fabric")]:
        monkeypatch.delitem(sys.modules, module)
    monkeypatch.setitem(sys.modules, "lightning_fabric", None)
    fit = FITS["whole"]
    with pytest.raises(UnsupportedError, match=r"pip install 'bayes_mtl\[distributed\]'"):
        replace(fit.svi, devices=2).run(fit.model, fit.data)


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({"devices": 0}, "devices: expected at least 1"),
        ({"num_nodes": 0}, "num_nodes: expected at least 1"),
        ({"devices": 2, "network": NetworkTraining(rule=InverseSize())}, "no rule with several devices"),
    ],
)
def test_settings_that_do_not_go_together(settings: dict[str, Any], expected: str) -> None:
    with pytest.raises(InputError, match=expected):
        SVI(**settings)


@pytest.mark.parametrize(
    ("environment", "settings", "expected"),
    [
        ({}, {"num_nodes": 2}, "torchrun --nnodes=2 --nproc-per-node=1"),
        (
            {"LOCAL_RANK": "0", "WORLD_SIZE": "4"},
            {"devices": 2},
            "4 processes in all",
        ),
        ({"LOCAL_RANK": "0"}, {"devices": 2, "device": "cuda:1"}, "'auto', 'cpu' or 'cuda'"),
        ({"LOCAL_RANK": "0"}, {"devices": 64, "device": "cuda"}, "as many GPUs"),
    ],
)
def test_launches_that_cannot_work(
    environment: dict[str, str], settings: dict[str, Any], expected: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("lightning_fabric", reason="the extra 'distributed' is not installed")
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    fit = FITS["whole"]
    with pytest.raises(InputError, match=expected):
        replace(fit.svi, **settings).run(fit.model, fit.data)


def test_memory_maps_are_not_sent(tmp_path: Path) -> None:
    pytest.importorskip("lightning_fabric", reason="the extra 'distributed' is not installed")
    fit = FITS["whole"]
    x = np.memmap(tmp_path / "x", dtype=np.float64, mode="w+", shape=fit.data.x.shape)
    x[:] = fit.data.x
    mapped = TaskData.from_arrays(x, fit.data.y, fit.data.task)
    with pytest.raises(UnsupportedError, match=r"rows outside of memory.*torchrun"):
        replace(fit.svi, devices=2).run(fit.model, mapped)


def test_a_script_without_a_guard_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("lightning_fabric", reason="the extra 'distributed' is not installed")
    process = _fit_on_many.multiprocessing.current_process()
    monkeypatch.setattr(process, "_inheriting", True, raising=False)
    fit = FITS["whole"]
    with pytest.raises(UnsupportedError, match="if __name__ == '__main__'"):
        replace(fit.svi, devices=2).run(fit.model, fit.data)
