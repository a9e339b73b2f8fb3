"""Steps that touch the tasks of their batch only."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from bayes_mtl import MultiTaskModel, TaskData
from bayes_mtl._seed import seeded
from bayes_mtl.data import Minibatches
from bayes_mtl.inference import SVI
from bayes_mtl.inference._by_task import by_task
from bayes_mtl.inference._compiled_step import CompiledStep
from bayes_mtl.inference._elbo import ElboGradient
from bayes_mtl.inference._learned import Learned
from bayes_mtl.inference._local import local_parameters
from bayes_mtl.inference._parts import Parts
from bayes_mtl.inference._task_batches import TaskBatches
from bayes_mtl.inference._task_blocks import AutoTaskBlocks
from bayes_mtl.inference._task_step import TaskStep
from bayes_mtl.inference._visits import count_visits
from bayes_mtl.likelihoods import Bernoulli, Gaussian
from bayes_mtl.model import Program
from bayes_mtl.networks import MLP
from bayes_mtl.priors import AbstractTaskPrior, Hierarchical, LowRank, Pooled, TaskClustering, TaskCovariance

TASKS, SIZE = 40, 8


def example() -> TaskData:
    """40 tasks with one to five rows each."""
    random = np.random.default_rng(0)
    task = np.repeat(np.arange(TASKS), random.integers(1, 6, TASKS))
    x = random.normal(size=(len(task), 2))
    return TaskData.from_arrays(x, x.sum(1) + random.normal(size=len(task)), task)


def parts(
    prior: AbstractTaskPrior, noise: str = "shared"
) -> tuple[Program, AutoTaskBlocks, Minibatches, Learned]:
    """Program, guide, batches and all that is learned."""
    data = example()
    program = MultiTaskModel(prior, Gaussian(noise=noise)).program(data)  # type: ignore[arg-type]
    batches = Minibatches(data, program.scaling, SIZE)
    guide = AutoTaskBlocks(program)
    learned = Learned(program, guide, (batches.next(),))
    return program, guide, Minibatches(data, program.scaling, SIZE), learned  # at the start of an epoch


EMPTY = (7, 21, 22)
"""Tasks that lose their rows."""


def emptied(data: TaskData) -> TaskData:
    """The same tasks, some of them without rows."""
    return data.subset(~np.isin(data.task, EMPTY))


@pytest.mark.parametrize("data", [example(), emptied(example())], ids=["full", "emptied"])
def test_weights_of_tasks_average_to_one(data: TaskData) -> None:
    empty = sorted(set(range(TASKS)) - set(data.task))
    program = MultiTaskModel(Pooled(), Gaussian()).program(data)
    whole = Minibatches(data, program.scaling, SIZE)
    batches = TaskBatches(whole, TASKS)
    total = torch.zeros(TASKS, dtype=torch.float64)
    number = len(data)  # as many batches as observations are SIZE whole epochs
    for _ in range(number):
        drawn = batches.draw()
        members, weight = drawn["members"], drawn["weight"]
        assert len(members) == len(members.unique()) == SIZE + bool(empty)
        observed = data.task[drawn["index"].numpy()]
        assert (members[drawn["place"]].numpy() == observed).all()
        assert ((weight > 0) == torch.isin(members, torch.tensor([*observed, *empty]))).all()
        total[members] += weight.double() / number
    # float32 sums; the last round of the tasks without rows may be a part of one
    torch.testing.assert_close(total, torch.ones_like(total), rtol=1e-5, atol=len(empty) / number)


@pytest.mark.parametrize("prior", [Hierarchical(), TaskClustering(2)], ids=["hierarchical", "clusters"])
def test_gradients_are_unbiased(prior: AbstractTaskPrior) -> None:
    """Over whole epochs they average to the gradient of all data, where the guide has hardly any spread."""
    with seeded(0), local_parameters():
        program, guide, whole, learned = parts(prior, noise="task")
        batches = by_task(program, guide, whole)
        assert batches is not None
        leaves = [value for group in learned.groups() for value in group["params"]]
        own = {id(value) for value in guide.task_parameters()}
        with torch.no_grad():
            for name, value in guide.named_parameters():
                if name.startswith("log_scale"):
                    value.fill_(-14.0)
        gradient = ElboGradient(program, guide, 1)
        _, expected = gradient((program.batch(example()),), leaves)
        found = [torch.zeros_like(value) for value in leaves]
        number = len(example())

        class Caught:
            """Keeps gradients."""

            def __call__(self, arguments, given):  # type: ignore[no-untyped-def]
                self.loss, self.gradients = gradient(arguments, given)
                return self.loss, self.gradients

        count_visits(guide)
        caught = Caught()
        optimiser = torch.optim.Adam(learned.groups(), lr=0.0, fused=True)
        step = TaskStep(Parts(program, guide, batches, learned, optimiser, 1))
        step._gradient = caught  # type: ignore[assignment]
        for _ in range(number):
            drawn = batches.draw()
            step(drawn)
            for total, value, by in zip(leaves, caught.gradients, found, strict=True):
                if id(total) in own:
                    by.index_add_(0, drawn["members"], value / number)
                else:
                    by.add_(value / number)
    for name, value, other in zip(
        [name for name, _ in guide.named_parameters()], found, expected, strict=True
    ):
        if "log_scale" in name or "lower" in name or "coupling" in name:
            continue  # proportional to the noise, or to its square less one: random
        # the guide's spread of 1e-6, and float32 sums over 1,000 batches
        torch.testing.assert_close(value, other, rtol=1e-3, atol=1e-3 * float(other.abs().max()), msg=name)


@pytest.mark.parametrize("captured", [False, True])
def test_other_tasks_stay_as_they_are(captured: bool) -> None:
    with seeded(0), local_parameters():
        program, guide, whole, learned = parts(Hierarchical())
        batches = by_task(program, guide, whole)
        assert batches is not None
        count_visits(guide)
        optimiser = torch.optim.Adam(learned.groups(), lr=0.02, fused=True)
        arguments = Parts(program, guide, batches, learned, optimiser, 2)
        step: TaskStep | CompiledStep = TaskStep(arguments)
        if captured:
            step = CompiledStep(arguments, batches.draw(), compiled=False)
        visits = torch.zeros(TASKS)
        for _ in range(5):
            before = [value.detach().clone() for value in guide.task_parameters()]
            moments = [optimiser.state[p]["exp_avg_sq"].clone() for p in guide.task_parameters()]
            drawn = batches.draw()
            assert np.isfinite(step(drawn))
            mine = drawn["members"][drawn["weight"] > 0]
            others = torch.ones(TASKS, dtype=torch.bool)
            others[mine] = False
            visits[mine] += 1
            for p, old, moment in zip(guide.task_parameters(), before, moments, strict=True):
                assert torch.equal(p[others], old[others])
                assert torch.equal(optimiser.state[p]["exp_avg_sq"][others], moment[others])
                assert (optimiser.state[p]["exp_avg_sq"][mine] != moment[mine]).any()
            assert (guide.loc_1[mine] != before[0][mine]).any(-1).all()
        assert torch.equal(guide.visits, visits)
        step.finish()
        assert {float(entry["step"]) for entry in optimiser.state.values()} == {5.0}


def test_a_captured_step_does_the_same() -> None:
    def run(captured: bool) -> tuple[list[float], list[torch.Tensor]]:
        with seeded(1), local_parameters():
            program, guide, whole, learned = parts(TaskClustering(2), noise="task")
            batches = by_task(program, guide, whole)
            assert batches is not None
            count_visits(guide)
            optimiser = torch.optim.Adam(learned.groups(), lr=0.02, fused=True)
            arguments = Parts(program, guide, batches, learned, optimiser, 1)
            drawn = batches.draw()
            step = CompiledStep(arguments, drawn, compiled=False) if captured else TaskStep(arguments)
            return [step(batches.draw()) for _ in range(6)], [p.detach() for p in guide.parameters()]

    one, other = run(False), run(True)
    np.testing.assert_allclose(one[0], other[0], rtol=1e-5)  # float32 sums in another order
    for a, b in zip(one[1], other[1], strict=True):
        torch.testing.assert_close(a, b, rtol=1e-3, atol=1e-3)  # Adam's first steps follow signs


def test_where_all_tasks_take_part_in_every_step() -> None:
    data = example()
    with seeded(0), local_parameters():
        for prior in (Hierarchical(), LowRank(1), TaskClustering(2)):
            program, guide, batches, _ = parts(prior)
            assert by_task(program, guide, batches) is not None
        for prior in (TaskCovariance(), Pooled()):  # correlated tasks; nothing of a task's own
            program, guide, batches, _ = parts(prior)
            assert by_task(program, guide, batches) is None
        program, guide, batches, _ = parts(Hierarchical())
        assert by_task(program, guide, Minibatches(data, program.scaling, TASKS // 2)) is None
        model = MultiTaskModel(Hierarchical(), Gaussian(), network=MLP(2, [3]))
        program = model.program(data)
        batches = Minibatches(data, program.scaling, SIZE, by_rows=True)
        guide = AutoTaskBlocks(program)
        Learned(program, guide, (batches.next(),))
        assert by_task(program, guide, batches) is None


def test_tasks_without_rows_come_to_their_prior() -> None:
    """That of a task which was not there: their parameters must not stay where they began."""
    svi = SVI(steps=600, batch_size=SIZE, particles=1, compile=False, draws=2000, progress=False)
    posterior = svi.run(MultiTaskModel(Hierarchical(), Gaussian()), emptied(example()))
    draws = posterior.draws
    expected = (draws["mean"].var(0) + draws["scale"].square().mean(0)).sqrt().flatten()
    for task in EMPTY:
        found = draws["weights"][:, task].std(0).flatten()
        # Adam's noise; a tenth of the scale at the start
        torch.testing.assert_close(found, expected, rtol=0.3, atol=0.0)


@pytest.mark.parametrize("change", [lambda data: data, emptied], ids=["full", "emptied"])
def test_a_fit_goes_on_from_its_checkpoint(tmp_path: Path, change: Callable[[TaskData], TaskData]) -> None:
    data = example()
    model = MultiTaskModel(Hierarchical(), Bernoulli())
    data = change(TaskData.from_arrays(data.x, (data.y > 0).astype(float), data.task))

    def fit(steps: int, checkpoint: str | None) -> np.ndarray:
        svi = SVI(steps=steps, batch_size=SIZE, particles=1, compile=False, draws=5, progress=False)
        return (
            svi.__class__(**{**vars(svi), "checkpoint": checkpoint, "checkpoint_every": 10})
            .run(model, data)
            .record.losses
        )

    path = str(tmp_path / "fit.checkpoint")
    whole = fit(30, None)
    fit(20, path)
    np.testing.assert_array_equal(fit(30, path), whole)
