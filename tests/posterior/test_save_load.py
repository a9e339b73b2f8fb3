"""What is written to a file comes back."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch

from bayes_mtl import MultiTaskModel, Posterior, TaskData, load
from bayes_mtl._errors import FileError, UnsupportedError
from bayes_mtl.likelihoods import (
    AbstractLikelihood,
    Bernoulli,
    Categorical,
    Gaussian,
    Mixed,
    Ordinal,
    StudentT,
)
from bayes_mtl.networks import MLP
from bayes_mtl.priors import Hierarchical
from tests.crossed import crossed
from tests.posterior.examples import make_data, make_posterior
from tests.posterior.own_classes import OwnLikelihood, OwnNetwork, OwnPrior
from tests.priors.cases import PRIORS

TASK_FEATURES = np.linspace(-1.0, 1.0, 8).reshape(4, 2)
CLASSES = np.array(["low", "middle", "high"], dtype=object)
LIKELIHOODS: dict[str, AbstractLikelihood] = {
    "gaussian": Gaussian(noise="task", units="task"),
    "student_t": StudentT(),
    "categorical": Categorical(),
    "ordinal": Ordinal(),
    "mixed": Mixed({"school 0": Bernoulli(), "school 1": Bernoulli()}, default=Gaussian()),
}


def data_for(likelihood: AbstractLikelihood) -> TaskData:
    plain = make_data(tasks=4, varying=["x0"], task_features=TASK_FEATURES)
    labels = [plain.schema.tasks[t] for t in plain.task]
    y = plain.y
    if isinstance(likelihood, Mixed):
        y = np.where(plain.task < 2, (y > 100).astype(float), y)
    elif isinstance(likelihood, (Categorical, Ordinal)):
        y = pd.Categorical(CLASSES[np.arange(len(y)) % 3], ordered=True)
    return TaskData.from_arrays(
        plain.x, y, labels, varying=["x0"], task_features=TASK_FEATURES, groups={"x0": "a"}
    )


def assert_same(found: Posterior, expected: Posterior, data: TaskData) -> None:
    assert found.draws.keys() == expected.draws.keys()
    assert all(torch.equal(found.draws[name], value) for name, value in expected.draws.items())
    assert found.program.schema == expected.program.schema
    assert np.array_equal(found.record.losses, expected.record.losses)
    assert np.array_equal(found.record.log_weights, expected.record.log_weights)
    assert found.record.to_dict() == expected.record.to_dict()
    pd.testing.assert_frame_equal(found.summary(), expected.summary())
    pd.testing.assert_frame_equal(found.weights(), expected.weights())
    for kind in ("mean", "target"):
        a, b = found.predict(data, kind=kind), expected.predict(data, kind=kind)
        assert np.array_equal(a.mean, b.mean, equal_nan=True)
        assert np.array_equal(a.upper, b.upper, equal_nan=True)
    assert np.array_equal(found.log_likelihood(data), expected.log_likelihood(data))
    pd.testing.assert_frame_equal(found.relatedness().mean, expected.relatedness().mean)


@pytest.mark.parametrize(("key", "name"), crossed(PRIORS, LIKELIHOODS))
def test_every_prior_comes_back(key: str, name: str, tmp_path: Path) -> None:
    prior = PRIORS[key]
    data = data_for(LIKELIHOODS[name])
    posterior = make_posterior(MultiTaskModel(prior, LIKELIHOODS[name]), data)
    found = load(posterior.save(tmp_path / "fit.bayes"))
    assert_same(found, posterior, data)
    assert type(found.program.prior) is type(prior)


def test_a_network_comes_back(tmp_path: Path) -> None:
    data = make_data()
    network = MLP(2, (4, 3), activation=torch.nn.SiLU, seed=3)
    posterior = make_posterior(MultiTaskModel(Hierarchical(), Gaussian(), network), data)
    with torch.no_grad():
        posterior.program.network.layers[0].weight.add_(0.3)  # as if it had been trained
    found = load(posterior.save(tmp_path / "fit"))
    assert_same(found, posterior, data)
    assert found.program.network.settings == network.settings


def test_new_tasks_and_formulas_come_back(tmp_path: Path) -> None:
    random = np.random.default_rng(0)
    frame = pd.DataFrame(
        {"a": random.normal(size=40), "b": random.choice(["u", "v", "w"], 40), "t": np.arange(40) % 4}
    )
    frame["y"] = random.normal(size=40)
    data = TaskData.from_frame(frame, formula="y ~ bs(a, df=4) + C(b)", task="t")
    posterior = make_posterior(MultiTaskModel(Hierarchical(), Gaussian()), data)
    found = load(posterior.save(tmp_path / "fit"))
    for arguments in ({"task": "t"}, {"new_task": True}):
        a, b = found.predict(frame, **arguments), posterior.predict(frame, **arguments)
        assert np.array_equal(a.mean, b.mean) and np.array_equal(a.lower, b.lower)


def test_saving_again_replaces_the_file(tmp_path: Path) -> None:
    data = make_data()
    first = make_posterior(MultiTaskModel(Hierarchical(), Gaussian()), data)
    second = make_posterior(MultiTaskModel(Hierarchical(covariance="diagonal"), Gaussian()), data, draws=5)
    path = first.save(tmp_path / "fit")
    second.save(path)
    assert load(path).number == 5
    assert [file.name for file in tmp_path.iterdir()] == ["fit"]


OWN = {
    "prior": (OwnPrior(3), Gaussian(), None),
    "likelihood": (Hierarchical(), OwnLikelihood(), None),
    "network": (Hierarchical(), Gaussian(), OwnNetwork()),
    "all": (OwnPrior(), OwnLikelihood(), OwnNetwork()),
    "inside_mixed": (Hierarchical(), Mixed({"school 0": OwnLikelihood()}, default=Gaussian()), None),
}


@pytest.mark.parametrize("case", OWN)
def test_own_classes_come_back_with_the_model(case: str, tmp_path: Path) -> None:
    prior, likelihood, network = OWN[case]
    model, data = MultiTaskModel(prior, likelihood, network), make_data()
    posterior = make_posterior(model, data)
    found = load(posterior.save(tmp_path / "fit"), model=model)
    assert_same(found, posterior, data)


@pytest.mark.parametrize("case", OWN)
def test_without_the_model_draws_are_there_and_the_rest_says_what_it_lacks(case: str, tmp_path: Path) -> None:
    prior, likelihood, network = OWN[case]
    data = make_data()
    posterior = make_posterior(MultiTaskModel(prior, likelihood, network), data)
    found = load(posterior.save(tmp_path / "fit"))
    pd.testing.assert_frame_equal(found.weights(), posterior.weights())
    pd.testing.assert_frame_equal(found.summary(), posterior.summary())
    some = posterior.tasks[1:]  # of one kind inside of Mixed, too
    pd.testing.assert_frame_equal(found.ranking(tasks=some), posterior.ranking(tasks=some))
    assert found.to_arviz().posterior.equals(posterior.to_arviz().posterior)
    name = "OwnNetwork" if network is not None else "OwnLikelihood"
    if case == "prior":
        name = "OwnPrior"
        assert np.array_equal(found.predict(data).mean, posterior.predict(data).mean)
        with pytest.raises(UnsupportedError, match=r"own class .*OwnPrior.*model="):
            found.predict(data.x, new_task=True)
        with pytest.raises(UnsupportedError, match=r"own class .*OwnPrior.*model="):
            found.relatedness()
    else:
        with pytest.raises(UnsupportedError, match=rf"own class .*{name}.*model="):
            found.predict(data)
        with pytest.raises(UnsupportedError, match=rf"own class .*{name}.*model="):
            found.log_likelihood(data)
    with pytest.raises(UnsupportedError, match=rf"own class .*{name}.*model="):
        found.save(tmp_path / "again")


def test_what_bind_filled_in_comes_back(tmp_path: Path) -> None:
    model, data = MultiTaskModel(Hierarchical(), OwnLikelihood()), make_data()
    posterior = make_posterior(model, data)
    found = load(posterior.save(tmp_path / "fit"), model=model)
    assert found.program.likelihood.floor == posterior.program.likelihood.floor is not None


def test_another_model_is_refused(tmp_path: Path) -> None:
    data = make_data()
    path = make_posterior(MultiTaskModel(OwnPrior(), Gaussian()), data).save(tmp_path / "fit")
    with pytest.raises(
        UnsupportedError, match=r"own class .*OwnPrior, but the prior of model= is .*Hierarchical"
    ):
        load(path, model=MultiTaskModel(Hierarchical(), Gaussian()))


@pytest.mark.parametrize("name", ["missing/fit", "file/fit", ""])
def test_a_place_that_cannot_be_written_to(name: str, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("not a folder")
    posterior = make_posterior(MultiTaskModel(Hierarchical(), Gaussian()), make_data())
    with pytest.raises(FileError, match="Could not write"):
        posterior.save(tmp_path / name if name else "")
    assert [file.name for file in tmp_path.iterdir()] == ["file"]


def test_a_write_that_fails_keeps_the_earlier_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    posterior = make_posterior(MultiTaskModel(Hierarchical(), Gaussian()), make_data())
    path = posterior.save(tmp_path / "fit")
    before = path.read_bytes()

    def full(*arguments: object, **options: object) -> None:
        Path(str(arguments[1])).write_bytes(b"half")
        raise OSError("No space left on device")

    monkeypatch.setattr("safetensors.torch.save_file", full)
    with pytest.raises(FileError, match="No space left"):
        posterior.save(path)
    assert path.read_bytes() == before and [file.name for file in tmp_path.iterdir()] == ["fit"]


@pytest.mark.usefixtures("unchecked")
def test_a_seed_of_numpy_is_kept(tmp_path: Path) -> None:
    posterior = make_posterior(MultiTaskModel(Hierarchical(), Gaussian()), make_data())
    found = load(posterior.with_record(seed=np.int64(3)).save(tmp_path / "p"))
    assert found.record.seed == 3 and type(found.record.seed) is int
