"""A guide that reads the tasks' unknowns off summaries of their rows."""

from functools import partial

import numpy as np
import pytest
import torch

from bayes_mtl import MultiTaskModel, TaskData
from bayes_mtl._errors import UnsupportedError
from bayes_mtl.inference import SVI, AutoAmortised, Collapsed
from bayes_mtl.inference._batches_of import batches_of
from bayes_mtl.inference._compiled_step import CompiledStep
from bayes_mtl.inference._local import local_parameters
from bayes_mtl.inference._make_guide import make_guide
from bayes_mtl.inference._parts import Parts
from bayes_mtl.inference._start import start_values
from bayes_mtl.inference._task_batches import TaskBatches
from bayes_mtl.inference._task_step import TaskStep
from bayes_mtl.inference._task_summaries import task_summaries
from bayes_mtl.likelihoods import Bernoulli, Gaussian
from bayes_mtl.networks import MLP
from bayes_mtl.priors import Hierarchical
from tests.inference import cases

MODEL = MultiTaskModel(Hierarchical(covariance="diagonal"), Gaussian(), standardize=False)


def many(tasks: int, rows: int = 8) -> TaskData:
    """Tasks with weights around a common mean."""
    random = np.random.default_rng(0)
    task = np.repeat(np.arange(tasks), rows)
    x = random.normal(size=(len(task), 2))
    weights = random.normal(0.5, 0.6, (tasks, 3))
    f = weights[task, 0] + (x * weights[task, 1:]).sum(1)
    return TaskData.from_arrays(x, f + random.normal(size=len(task)), task)


def test_comes_near_the_exact_posterior() -> None:
    data = many(60)
    exact = Collapsed().run(MODEL, data).draws["weights"]
    svi = SVI(guide=AutoAmortised, learning_rate=0.02, reductions=1, progress=False)
    found = svi.run(MODEL, data).draws["weights"]
    distance = ((found.mean(0) - exact.mean(0)) / exact.std(0)).abs().mean()
    # 0.04 by 1,000 draws a side and the rest by a short training (with all reductions 0.07); a guide that
    # gave every task the population's mean would be at 1.0
    assert float(distance) < 0.2
    assert float((found.std(0) / exact.std(0)).mean()) == pytest.approx(1.0, abs=0.05)


def made(tasks: int, size: int | None = None) -> Parts:
    data = many(tasks)
    program = MODEL.program(data).train()
    batches, _ = batches_of(program, data, size, 1.0, 0, torch.device("cpu"))
    guide = make_guide(AutoAmortised, program, start_values(program, data), data)
    return Parts.of(program, guide, batches, 2, 0.03)


def test_has_no_parameter_of_a_task() -> None:
    with local_parameters():
        sizes = [sum(p.numel() for p in made(tasks).guide.parameters()) for tasks in (5, 50)]
    assert sizes[0] == sizes[1]


def test_every_task_starts_at_its_own_estimate() -> None:
    data = many(20)
    with local_parameters():
        program = MODEL.program(data)
        values = start_values(program, data)
        guides = [make_guide(chosen, program, values, data) for chosen in (None, AutoAmortised)]
        batch = program.batch(data)
        drawn = []
        for guide in guides:
            guide(batch)
            torch.manual_seed(0)
            drawn.append(guide(batch))
    for name, value in drawn[0].items():
        torch.testing.assert_close(drawn[1][name], value)


def test_a_step_of_a_part_of_the_tasks_compiled_and_not() -> None:
    """The batch's tasks come with their own summaries, and both ways move the network alike."""
    moved = []
    with local_parameters():
        for captured in (False, True):
            torch.manual_seed(0)
            parts = made(40, size=4)
            assert isinstance(parts.batches, TaskBatches)
            drawn = [parts.batches.draw() for _ in range(3)]
            step = CompiledStep(parts, drawn[0], compiled=False) if captured else TaskStep(parts)
            torch.manual_seed(1)
            losses = [float(step(one)) for one in drawn]
            moved.append([torch.tensor(losses), *(p.detach() for p in parts.guide.parameters())])
    for one, other in zip(*moved, strict=True):
        # float32 sums in another order
        torch.testing.assert_close(one, other, rtol=1e-4, atol=1e-5)


def test_summaries_tell_tasks_apart() -> None:
    data = many(30)
    found = task_summaries(MODEL.program(data), data)
    assert found.shape[0] == 30 and bool(torch.isfinite(found).all())
    varying = found.std(0, correction=0) > 0
    torch.testing.assert_close(found[:, varying].mean(0), torch.zeros(int(varying.sum())), atol=1e-5, rtol=0)
    assert len(torch.unique(found, dim=0)) == 30


def test_many_tasks_in_small_batches() -> None:
    svi = SVI(guide=partial(AutoAmortised, width=8), batch_size=16, steps=20, draws=5, progress=False)
    posterior = svi.run(MultiTaskModel(Hierarchical(), Bernoulli()), many_answers())
    assert bool(torch.isfinite(posterior.draws["weights"]).all())
    assert posterior.record.settings["guide"]


def many_answers() -> TaskData:
    data = many(100)
    return TaskData.from_arrays(data.x, (np.asarray(data.y) > 0).astype(float), data.task)


def test_says_what_it_cannot_read() -> None:
    learned = MultiTaskModel(Hierarchical(), Gaussian(), network=MLP(2))
    with pytest.raises(UnsupportedError, match="Leave the guide out"):
        SVI(guide=AutoAmortised, progress=False).run(learned, many(5))
    with pytest.raises(UnsupportedError, match="Leave it out"):
        Collapsed(SVI(guide=AutoAmortised, progress=False)).run(MODEL, cases.rows())
