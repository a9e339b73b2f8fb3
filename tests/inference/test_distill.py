"""A network taught by fits of single tasks: it predicts what they predict."""

import numpy as np
import pytest
import torch

from bayes_mtl import MultiTaskModel, Posterior, TaskData
from bayes_mtl._errors import InputError, InputTypeError, UnsupportedError
from bayes_mtl.inference import MAP, SVI, Collapsed, distill
from bayes_mtl.likelihoods import Bernoulli, Categorical, Gaussian
from bayes_mtl.networks import MLP, Frozen
from bayes_mtl.posterior._evaluate import evaluate
from bayes_mtl.posterior._request import request_of_data
from bayes_mtl.priors import Independent

STUDENT = MAP(progress=False, training=SVI(steps=500, learning_rate=0.03, compile=False, progress=False))


def inputs(rows: int = 150, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Features, a target in hundreds, and one of two classes that is missing in a third of the rows."""
    rng = np.random.default_rng(seed)
    x = rng.normal(2.0, 3.0, size=(rows, 2))
    size = 500.0 + 100.0 * x[:, 0] + rng.normal(0, 50.0, rows)
    label = (rng.random(rows) < 1 / (1 + np.exp(x[:, 0] - x[:, 1]))).astype(float)
    label[::3] = np.nan
    return x, np.stack([size, label], 1)


def teachers(x: np.ndarray, y: np.ndarray) -> list[Posterior]:
    """A linear fit of each of the two tasks."""
    size = TaskData.from_outputs(x, y[:, :1], task_names=["size"])
    label = TaskData.from_outputs(x, y[:, 1:], task_names=["label"])
    return [
        Collapsed(draws=50).run(MultiTaskModel(Independent(), Gaussian()), size),
        MAP(draws=50).run(MultiTaskModel(Independent(), Bernoulli()), label),
    ]


def predictor(posterior: Posterior, data: TaskData) -> np.ndarray:
    """Mean linear predictor at the observations of a data set."""
    f, _ = evaluate(posterior.program, posterior.draws, request_of_data(posterior.program, data).batch)
    return f[..., 0].double().mean(0).numpy()


def test_a_student_predicts_what_its_teachers_do() -> None:
    x, y = inputs()
    both = teachers(x, y)
    data = TaskData.from_outputs(x, y, task_names=["size", "label"])
    network = MLP(2, (16,), seed=0)
    before = [value.clone() for value in network.parameters()]
    student = distill(network, both, data, inference=STUDENT)
    assert all(torch.equal(a, b) for a, b in zip(before, network.parameters(), strict=True))
    assert student.record.method == "distill(MAP)" and student.tasks == ("size", "label")
    new, _ = inputs(seed=1)
    for teacher in both:
        (task,) = teacher.tasks
        asked = TaskData.from_outputs(new, np.zeros((len(new), 1)), task_names=[task])
        expected, found = predictor(teacher, asked), predictor(student, asked)
        # The noise of the soft targets, 0.1 of their spread, bounds the misfit at rows like those it saw.
        assert np.sqrt(np.mean((found - expected) ** 2)) < 0.1 * expected.std()
    # Its features carry the task: linear heads on them, fitted to the labels, are the teacher's fit.
    size = TaskData.from_outputs(x, y[:, :1], task_names=["size"])
    heads = MultiTaskModel(Independent(), Gaussian(), Frozen(student.program.network))
    found = predictor(Collapsed(draws=50).run(heads, size), size)
    expected = predictor(both[0], size)
    # 16 features in place of 3 weights, from 150 rows: sqrt(14 / 150) noise sds of 50, doubled.
    assert np.sqrt(np.mean((found - expected) ** 2)) < 2 * np.sqrt(14 / 150) * 50.0


def test_offsets_are_the_teachers_own() -> None:
    """The network imitates the predictor without the offset, which the final fit adds again."""
    rng = np.random.default_rng(0)
    x, offset = rng.normal(size=(60, 1)), rng.normal(0, 5.0, 60)
    data = TaskData.from_arrays(x, 2.0 * x[:, 0] + offset, ["a"] * 60, offset=offset)
    teacher = Collapsed(draws=20).run(MultiTaskModel(Independent(), Gaussian()), data)
    student = distill(MLP(1, (8,)), [teacher], data, inference=STUDENT)
    asked = TaskData.from_arrays(x, np.zeros(60), ["a"] * 60, offset=np.zeros(60))
    expected = predictor(teacher, asked)
    # As above: a tenth of the spread.
    np.testing.assert_allclose(predictor(student, asked), expected, atol=3 * 0.1 * float(expected.std()))


@pytest.mark.usefixtures("unchecked")
def test_refusals() -> None:
    x, y = inputs()
    size, label = teachers(x, y)
    data = TaskData.from_outputs(x, y, task_names=["size", "label"])
    with pytest.raises(InputError, match=r"teachers: expected one for each task .* \[0\] for \['label'\]"):
        distill(MLP(2, (4,)), [size], data)
    with pytest.raises(InputError, match=r"\[2\] for \['label'\]"):
        distill(MLP(2, (4,)), [size, label, label], data)
    with pytest.raises(InputTypeError, match="teachers: expected posteriors, found"):
        distill(MLP(2, (4,)), [size.program], data)
    classes = TaskData.from_arrays(x, np.array(["u", "v", "w"] * 50), ["a"] * 150)
    three = MAP(draws=5).run(MultiTaskModel(Independent(), Categorical()), classes)
    with pytest.raises(UnsupportedError, match="3 linear predictors"):
        distill(MLP(2, (4,)), [three], classes)
