"""Predictions and log-likelihoods against computations by hand."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from scipy import stats

from bayes_mtl import MultiTaskModel, Posterior, TaskData, _files, load
from bayes_mtl._errors import InputError, UnsupportedError
from bayes_mtl.likelihoods import AbstractLikelihood, Gaussian, LogNormal, StudentT
from bayes_mtl.networks import MLP
from bayes_mtl.posterior import _evaluate
from bayes_mtl.posterior._units import weights_in_units
from bayes_mtl.priors import Hierarchical
from tests.posterior.examples import example, make_data, make_posterior
from tests.posterior.test_units import by_hand


def predictor(posterior: Posterior, data: TaskData) -> np.ndarray:
    return by_hand(weights_in_units(posterior.program, posterior.draws), None, data)[..., 0].numpy()


@pytest.mark.parametrize("standardize", [True, False])
@pytest.mark.parametrize(
    "likelihood",
    [Gaussian(), Gaussian(noise="task"), Gaussian(units="task"), StudentT(), LogNormal()],
    ids=["gaussian", "noise_of_tasks", "own_units", "student_t", "log_normal"],
)
def test_log_likelihood_is_scipys_density_in_the_users_units(
    likelihood: AbstractLikelihood, standardize: bool
) -> None:
    data = make_data()
    posterior = make_posterior(MultiTaskModel(Hierarchical(), likelihood, standardize=standardize), data)
    draws = {name: value.double().numpy() for name, value in posterior.draws.items()}
    f = predictor(posterior, data)
    spread = posterior.program.scaling.spread[data.task, 0]
    scale = draws["noise_scale"]
    scale = (scale[:, data.task] if scale.shape[1] > 1 else scale) * spread
    if isinstance(likelihood, Gaussian):
        expected = stats.norm.logpdf(data.y, f, scale)
    elif isinstance(likelihood, StudentT):
        expected = stats.t.logpdf(data.y, draws["noise_df"], f, scale)
    else:
        expected = stats.lognorm.logpdf(data.y, scale, scale=np.exp(f))
    found = posterior.log_likelihood(data)
    # float32 on targets of about 100
    assert found.shape == (8, len(data)) and np.allclose(found, expected, rtol=2e-3, atol=2e-3)


def test_data_frames_and_arrays_give_the_same() -> None:
    posterior, data = example()
    labels = [data.schema.tasks[t] for t in data.task]
    frame = pd.DataFrame(data.x[data.row], columns=list(data.schema.columns)).assign(task=labels)
    by_data = posterior.predict(data, seed=3)
    others = [
        posterior.predict(frame, task="task", seed=3),
        posterior.predict(frame, task=labels, seed=3),
        posterior.predict(data.x[data.row], task=labels, seed=3),
        posterior.predict(data.subset(np.arange(len(data))), seed=3),
    ]
    for other in others:
        for name in ("mean", "sd", "lower", "upper"):
            assert np.allclose(getattr(other, name), getattr(by_data, name), rtol=1e-6)
        assert list(other.task) == labels
    one = posterior.predict(frame.iloc[[0, 5]], task="school 1", kind="mean")
    assert list(one.task) == ["school 1"] * 2 and list(one.index) == [0, 5]


def test_columns_may_come_in_any_order_and_with_others() -> None:
    posterior, data = example()
    frame = pd.DataFrame(data.x[data.row], columns=["x0", "x1"])[["x1", "x0"]].assign(other="a")
    labels = [data.schema.tasks[t] for t in data.task]
    found = posterior.predict(frame, task=labels, kind="mean")
    assert np.allclose(found.mean, posterior.predict(data, kind="mean").mean, rtol=1e-6)


def test_data_of_some_tasks_in_another_order() -> None:
    posterior, data = example(tasks=4)
    wanted = ["school 3", "school 1"]
    labels = np.array([data.schema.tasks[t] for t in data.task])
    keep = np.isin(labels, wanted)
    other = TaskData.from_arrays(data.x[data.row][keep], data.y[keep], labels[keep], task_names=wanted)
    assert other.schema.tasks != data.schema.tasks
    whole = dict(zip(data.y, posterior.predict(data, kind="mean").mean, strict=True))
    part = posterior.predict(other, kind="mean")
    assert np.allclose(part.mean, [whole[y] for y in other.y], rtol=1e-6)
    density = dict(zip(data.y, posterior.log_likelihood(data).T, strict=True))
    found = posterior.log_likelihood(other).T
    assert np.allclose(found, [density[y] for y in other.y], rtol=1e-4, atol=1e-4)


def test_intervals_are_quantiles_of_the_draws() -> None:
    posterior, data = example(draws=50)
    found = posterior.predict(data, keep_draws=True, level=0.5)
    assert found.draws is not None and found.draws.shape == (50, len(data))
    assert np.allclose(found.lower, np.quantile(found.draws, 0.25, axis=0))
    assert np.allclose(found.upper, np.quantile(found.draws, 0.75, axis=0))
    assert np.allclose(found.sd, found.draws.std(0))
    assert np.allclose(found.mean, predictor(posterior, data).mean(0), rtol=1e-5)
    frame = found.to_frame()
    assert list(frame.columns) == ["task", "mean", "sd", "lower", "upper"] and len(frame) == len(found)


def test_intervals_cover() -> None:
    """Targets drawn from the model itself: an interval of 80 % holds 80 % of them."""
    posterior, data = example(draws=400, rows=40)
    random = np.random.default_rng(5)
    chosen = random.integers(0, 400, len(data))
    f = predictor(posterior, data)[chosen, np.arange(len(data))]
    scale = posterior.draws["noise_scale"].numpy()[chosen, 0] * posterior.program.scaling.spread[0, 0]
    y = f + scale * random.normal(size=len(data))
    found = posterior.predict(data, level=0.8)
    share = ((found.lower <= y) & (y <= found.upper)).mean()
    # 4 standard errors of 120 targets
    assert abs(share - 0.8) < 4 * np.sqrt(0.8 * 0.2 / len(data))


def test_the_same_seed_gives_the_same_prediction_and_leaves_the_callers_random_state() -> None:
    posterior, data = example()
    state = torch.get_rng_state()
    first = posterior.predict(data, seed=1, keep_draws=True)
    assert torch.equal(state, torch.get_rng_state())
    assert np.array_equal(first.draws, posterior.predict(data, seed=1, keep_draws=True).draws)
    assert not np.array_equal(first.draws, posterior.predict(data, seed=2, keep_draws=True).draws)


@pytest.mark.parametrize("network", [None, MLP(2, (3,))], ids=["linear", "network"])
def test_chunks_change_nothing(network: MLP | None, monkeypatch: pytest.MonkeyPatch) -> None:
    data = make_data()
    posterior = make_posterior(MultiTaskModel(Hierarchical(), Gaussian(noise="task"), network), data)
    whole = posterior.predict(data, kind="mean", keep_draws=True)
    density = posterior.log_likelihood(data)
    new = posterior.log_likelihood(data, new_task="all")
    monkeypatch.setattr(_evaluate, "_LARGEST", 100)
    parts = posterior.predict(data, kind="mean", keep_draws=True)
    assert np.allclose(whole.draws, parts.draws, rtol=1e-6)
    assert np.allclose(density, posterior.log_likelihood(data), rtol=1e-4, atol=1e-4)
    # the noise of a new task is drawn once, not once a chunk
    assert np.allclose(new, posterior.log_likelihood(data, new_task="all"), rtol=1e-4, atol=1e-4)


def test_known_noise_is_asked_for() -> None:
    noise = np.full(18, 2.0)
    posterior, data = example(likelihood=Gaussian(noise="known"), noise=noise)
    x, labels = data.x[data.row], [data.schema.tasks[t] for t in data.task]
    expected = stats.norm.logpdf(data.y, predictor(posterior, data), 2.0)
    assert np.allclose(posterior.log_likelihood(data), expected, rtol=1e-3, atol=1e-3)
    assert np.allclose(posterior.predict(x, labels, kind="mean").mean, posterior.predict(data).mean)
    one = posterior.predict(x, labels, noise=2.0)
    assert np.allclose(one.sd, posterior.predict(data).sd)
    with pytest.raises(InputError, match="noise: expected the known standard deviation"):
        posterior.predict(x, labels)
    with pytest.raises(InputError, match="noise: expected 18 finite numbers"):
        posterior.predict(x, labels, noise=np.ones(3))


@pytest.mark.parametrize("name", ["offset", "trials", "noise"])
def test_what_a_data_set_has_by_itself_is_refused_beside_it(name: str) -> None:
    posterior, data = example()
    with pytest.raises(InputError, match=rf"{name}: expected none beside a TaskData.*with {name}="):
        posterior.predict(data, **{name: 1.0})


def test_a_model_with_an_offset_asks_for_it(tmp_path: Path) -> None:
    posterior, data = example(offset=np.linspace(-1, 1, 18))
    bare = replace(data, offset=None)
    for found in (posterior, load(posterior.save(tmp_path / "p"))):
        with pytest.raises(InputError, match=r"offset: expected that of each row.*offset=0 for rates"):
            found.predict(data.x, "school 0")
        for ask in (found.predict, found.score, found.log_likelihood):
            with pytest.raises(InputError, match="offset: expected that of each row"):
                ask(bare)
        assert np.isfinite(found.predict(data.x, "school 0", offset=0).mean).all()
    plain, _ = example()
    assert len(plain.predict(data.x, "school 0").mean) == 18


def test_columns_of_the_frame_are_taken_by_name() -> None:
    posterior, data = example(offset=np.linspace(-1, 1, 18))
    frame = pd.DataFrame(data.x, columns=list(data.schema.features)).assign(exposure=data.offset)
    named = posterior.predict(frame, "school 0", offset="exposure")
    np.testing.assert_array_equal(named.mean, posterior.predict(data.x, "school 0", offset=data.offset).mean)
    with pytest.raises(InputError, match=r"offset: expected the name of one column.*Did you mean 'exposure'"):
        posterior.predict(frame, "school 0", offset="exposures")
    with pytest.raises(InputError, match="offset: expected numbers beside an array, found 'exposure'"):
        posterior.predict(data.x, "school 0", offset="exposure")


def test_files_that_do_not_tell_of_offsets_are_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    posterior, data = example(offset=np.linspace(-1, 1, 18))
    written = _files.write

    def without(path: Path, tensors: Any, meta: dict[str, Any], kind: str) -> Path:
        return written(path, tensors, {name: v for name, v in meta.items() if name != "offset"}, kind)

    monkeypatch.setattr(_files, "write", without)
    assert len(load(posterior.save(tmp_path / "p")).predict(data.x, "school 0").mean) == 18


def test_offsets_shift_the_predictor() -> None:
    offset = np.linspace(-1, 1, 18)
    posterior, data = example(offset=offset)
    x, labels = data.x[data.row], [data.schema.tasks[t] for t in data.task]
    without = posterior.predict(x, labels, kind="mean", offset=0).mean
    with_offset = posterior.predict(x, labels, kind="mean", offset=data.offset).mean
    assert np.allclose(with_offset - without, data.offset, atol=1e-4)
    assert np.allclose(with_offset, posterior.predict(data, kind="mean").mean, atol=1e-4)


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        ({"task": "school 9"}, r"Task 'school 9' was not in the data .*'\? Pass new_task=True"),
        ({}, "task: expected a task for each row"),
        ({"task": ["school 0"]}, "task: expected 18 labels"),
        ({"task": "school 0", "level": 1.0}, "level: expected between 0 and 1"),
        ({"task": "school 0", "kind": "median"}, "kind: expected 'target' or 'mean'"),
    ],
)
@pytest.mark.usefixtures("unchecked")
def test_wrong_arguments_are_named(arguments: dict, text: str) -> None:
    posterior, data = example()
    with pytest.raises(InputError, match=text):
        posterior.predict(data.x[data.row], **arguments)


def test_a_frame_is_read_by_the_column_of_tasks_of_the_fit(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = make_data()
    frame = pd.DataFrame(data.x[data.row], columns=["p", "q"]).assign(
        y=data.y, school=[data.schema.tasks[t] for t in data.task]
    )
    fitted = TaskData.from_frame(frame, y="y", task="school", x=["p", "q"])
    posterior = make_posterior(MultiTaskModel(Hierarchical(), Gaussian()), fitted)
    expected = posterior.predict(frame, task="school").mean
    loaded = load(posterior.save(tmp_path / "p"))
    for found in (posterior.predict(frame), posterior.predict(frame.to_dict("list")), loaded.predict(frame)):
        assert np.array_equal(found.mean, expected)
    with pytest.raises(InputError, match=r"the fit's were in the column 'school'\)\. Pass task="):
        posterior.predict(frame.rename(columns={"school": "place"}))
    with pytest.raises(InputError, match=r"found none \(the fit's were"):
        posterior.predict(data.x)
    written = type(fitted.schema).to_dict
    monkeypatch.setattr(
        type(fitted.schema), "to_dict", lambda own: {k: v for k, v in written(own).items() if k != "task"}
    )
    older = load(posterior.save(tmp_path / "older"))  # as files were before the column was kept
    assert np.array_equal(older.predict(frame, task="school").mean, expected)
    with pytest.raises(InputError, match=r"found none\. Pass task="):
        older.predict(frame)


def test_a_misspelt_column_of_tasks_is_named() -> None:
    posterior, data = example()
    frame = pd.DataFrame(data.x[data.row], columns=list(data.schema.columns)).assign(school="school 0")
    with pytest.raises(InputError, match=r"Task 'schol' .* No column has this name, either\. .*'school'\?"):
        posterior.predict(frame, "schol")


def test_data_with_other_features_are_refused() -> None:
    posterior, _ = example()
    with pytest.raises(InputError, match=r"data \(features\)"):
        posterior.predict(make_data(features=3))
    with pytest.raises(InputError, match=r"data \(features\)"):
        posterior.predict(make_data(varying=["x0"]))
    with pytest.raises(InputError, match=r"data \(intercept\)"):
        posterior.log_likelihood(make_data(intercept=False))
    with pytest.raises(InputError, match="name of one column of the frame, found 'x1'"):
        posterior.predict(pd.DataFrame({"x0": [1.0]}), task="school 0")


def test_new_tasks_of_unknown_units_are_refused() -> None:
    posterior, data = example(likelihood=Gaussian(units="task"))
    with pytest.raises(UnsupportedError, match="their own location and spread"):
        posterior.predict(data.x, new_task=True)


def test_weights_of_observations_do_not_change_predictions() -> None:
    posterior, data = example()
    weighted = replace(data, weight=np.linspace(0.1, 2.0, len(data)))
    assert np.array_equal(posterior.predict(weighted).mean, posterior.predict(data).mean)
    assert np.array_equal(posterior.log_likelihood(weighted), posterior.log_likelihood(data))
