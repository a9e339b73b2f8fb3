"""What SVI chooses by itself: the device, and when to compile."""

from typing import Any

import numpy as np
import pytest
import torch

from bayes_mtl import MultiTaskModel, TaskData
from bayes_mtl.inference import SVI
from bayes_mtl.inference._svi_fit import device_of
from bayes_mtl.likelihoods import Gaussian
from bayes_mtl.priors import Pooled


def example(rows: int) -> TaskData:
    x = np.random.default_rng(0).normal(size=(rows, 9))
    return TaskData.from_arrays(x, x.sum(1), np.arange(rows) % 3)


@pytest.mark.parametrize(
    ("rows", "settings", "there", "expected"),
    [
        (60_000, SVI(particles=4), True, "cuda"),  # 60,000 rows x 10 weights x 4 particles
        (60_000, SVI(particles=4), False, "cpu"),
        (60_000, SVI(particles=3), True, "cpu"),  # 1.8 million: launches would cost more than they save
        (60_000, SVI(particles=4, batch_size=1_000), True, "cpu"),
        (60_000, SVI(particles=4, device="cpu"), True, "cpu"),
    ],
)
def test_a_gpu_where_it_pays(
    rows: int, settings: SVI, there: bool, expected: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: there)
    data = example(rows)
    program = MultiTaskModel(Pooled(), Gaussian()).program(data)
    assert device_of(settings, program, data).type == expected


@pytest.mark.parametrize(("steps", "compiles"), [(14, False), (15, True)])
def test_compiling_waits_until_it_pays_and_shows_itself(
    steps: int, compiles: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With 5 steps first, and 10 that have to be left."""
    made: list[int] = []
    shown: list[str] = []
    seen: list[int] = []

    class Fake:
        """Stands in for the compiled step, which takes half a minute to make."""

        def __init__(self, *parts: Any, **_: Any) -> None:
            made.append(len(seen))
            self.loss = 1.0

        def __call__(self, drawn: dict[str, torch.Tensor]) -> float:
            return self.loss

        def finish(self) -> None:
            """Nothing to hand back."""

    import bayes_mtl.inference._train as loop

    class Bar(loop.tqdm):  # type: ignore[misc, type-arg]
        """Keeps what it was told to show."""

        def set_description(self, desc: str | None = None, refresh: bool | None = True) -> None:
            shown.append(str(desc))

    monkeypatch.setattr("bayes_mtl.inference._steps._FIRST_EAGER", 5)
    monkeypatch.setattr("bayes_mtl.inference._steps._WORTH_COMPILING", 10)
    monkeypatch.setattr("bayes_mtl.inference._steps.CompiledStep", Fake)
    monkeypatch.setattr("bayes_mtl.inference._train.tqdm", Bar)
    svi = SVI(steps=steps, draws=2, progress=False, on_step=lambda step, loss: seen.append(step))
    posterior = svi.run(MultiTaskModel(Pooled(), Gaussian()), example(30))
    assert len(posterior.record.losses) == steps
    assert made == ([5] if compiles else [])
    assert shown == (["SVI (compiling)", "SVI"] if compiles else [])
    assert (posterior.record.losses[5:] == 1.0).all() == compiles
