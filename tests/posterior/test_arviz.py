"""Exports under the user's names: groups, coordinates and axes."""

from pathlib import Path
from typing import Any

import arviz as az
import numpy as np
import pandas as pd
import pytest
import xarray as xr

import bayes_mtl
from bayes_mtl import MultiTaskModel, Posterior, TaskData
from bayes_mtl.diagnostics import loo
from bayes_mtl.inference import MAP, Collapsed
from bayes_mtl.likelihoods import Bernoulli, Categorical, Gaussian, Mixed, Ordinal, Poisson
from bayes_mtl.networks import MLP
from bayes_mtl.posterior._units import fixed_in_units, weights_in_units
from bayes_mtl.priors import AbstractTaskPrior, Hierarchical, LowRank, Pooled, TaskClustering, TaskCovariance
from tests.posterior.examples import example, make_data, make_posterior
from tests.posterior.own_classes import OwnPrior
from tests.priors.cases import PRIORS

SITES: dict[str, dict[str, tuple[str, ...]]] = {
    "independent": {},
    "independent_learned": {"scale": ()},
    "pooled": {"mean": ("feature",)},
    "hierarchical": {"mean": ("feature",), "scale": ("feature",), "correlation": ("feature", "feature_bis")},
    "hierarchical_diagonal": {"mean": ("feature",), "scale": ("feature",)},
    "low_rank": {
        "mean": ("feature",),
        "scale": ("feature",),
        "strength": ("rank",),
        "direction": ("feature", "rank"),
    },
    "task_covariance": {
        "mean": ("feature",),
        "scale": ("feature",),
        "task_correlation": ("task", "task_bis"),
    },
    "tree_given": {
        "mean": ("feature",),
        "scale": ("feature",),
        "correlation": ("feature", "feature_bis"),
    },
    "tree_given_low_rank": {
        "mean": ("feature",),
        "scale": ("feature",),
        "loading": ("feature", "factor"),
    },
    "tree_of_scales": {
        "mean": ("feature",),
        "root_log_scale": ("feature",),
        "drift": ("feature",),
        "correlation": ("feature", "feature_bis"),
        "log_scale_noise": ("task", "feature"),
        "log_scale": ("task", "feature"),
    },
    "group_sparse": {
        "precision": ("group",),
        "own_scale": (),
        "strength": ("rank",),
        "shared": ("slope", "rank"),
        "group_rms": ("group",),
    },
    "horseshoe": {
        "overall": (),
        "slab": (),
        "local": ("group",),
        "group_rms": ("group",),
        "intercept_scale": (),
    },
    "student_t": {
        "intercept_scale": (),
        "phi": (),
        "precision": ("group",),
        "own_scale": (),
        "strength": ("rank",),
        "shared": ("slope", "rank"),
        "group_rms": ("group",),
    },
    "group_lasso": {"precision": ("group",), "group_rms": ("group",)},
    "normal_inverse_gaussian": {"chi": (), "phi": (), "precision": ("group",), "group_rms": ("group",)},
    "gumbel_softmax": {"alpha": ("task", "task_bis")},
    "gumbel_softmax_alone": {"alpha": ("task", "task_bis")},
    "gumbel_softmax_amortised": {"alpha": ("task", "task_bis")},
    "clustering": {
        "cluster_weights": ("cluster",),
        "cluster_mean": ("cluster", "feature"),
        "cluster_scale": ("cluster", "feature"),
        "cluster_correlation": ("cluster", "feature", "feature_bis"),
        "assignment": ("task", "cluster"),
    },
    "clustering_sparse": {
        "cluster_weights": ("cluster",),
        "cluster_mean": ("cluster", "feature"),
        "cluster_scale": ("cluster", "feature"),
        "assignment": ("task", "cluster"),
    },
    "clustering_sticks": {
        "cluster_weights": ("cluster",),
        "cluster_mean": ("cluster", "feature"),
        "cluster_scale": ("cluster", "feature"),
        "cluster_correlation": ("cluster", "feature", "feature_bis"),
        "assignment": ("task", "cluster"),
    },
    "clustering_gate": {
        "gate": ("task_feature_or_intercept", "cluster"),
        "cluster_mean": ("cluster", "feature"),
        "cluster_scale": ("cluster", "feature"),
        "cluster_correlation": ("cluster", "feature", "feature_bis"),
        "task_mean": ("task_feature", "feature"),
        "assignment": ("task", "cluster"),
    },
}


def dims_of(exported: Any) -> dict[str, tuple[str, ...]]:
    return {str(name): tuple(map(str, v.dims[2:])) for name, v in exported.posterior.data_vars.items()}


@pytest.mark.parametrize("tasks", [2, 3, 5], ids=["tasks=2", "tasks=features", "tasks=5"])
@pytest.mark.parametrize("name", PRIORS)
def test_axes_have_names_whatever_their_sizes(name: str, tasks: int) -> None:
    """With 3 tasks, 3 weights and often 3 clusters no size tells what it is."""
    posterior, data = example(
        PRIORS[name], tasks=tasks, task_features=np.arange(2.0 * tasks).reshape(-1, 2) ** 0.5
    )
    exported = posterior.to_arviz()
    expected = {"weights": ("task", "feature"), "noise_scale": (), **SITES[name]}
    assert dims_of(exported) == expected
    assert list(exported.posterior["task"].values) == list(data.schema.tasks)
    assert list(exported.posterior["feature"].values) == ["Intercept", "x0", "x1"]
    for site, value in exported.posterior.data_vars.items():
        assert value.sizes["chain"] == 1 and value.sizes["draw"] == 8, site


@pytest.mark.parametrize("tasks", [3, 4])
@pytest.mark.parametrize("prior", [Hierarchical(), LowRank(), TaskClustering(3)], ids=["h", "l", "c"])
def test_outputs_are_classes(prior: AbstractTaskPrior, tasks: int) -> None:
    plain = make_data(tasks=tasks)
    labels = np.array(["cat", "dog", "eel"], dtype=object)[np.arange(len(plain)) % 3]
    data = TaskData.from_arrays(plain.x, labels, plain.task)
    posterior = make_posterior(MultiTaskModel(prior, Categorical()), data)
    exported = posterior.to_arviz(data)
    dims = dims_of(exported)
    assert dims["weights"] == ("task", "feature", "output")
    assert list(exported.posterior["output"].values) == ["cat", "dog", "eel"]
    site = "cluster_mean" if isinstance(prior, TaskClustering) else "mean"
    assert dims[site][-2:] == ("feature", "output")


def test_values_are_the_draws_in_units() -> None:
    posterior, _ = example(features=3, varying=["x0", "x2"], likelihood=Gaussian(noise="task"))
    exported = posterior.to_arviz().posterior
    weights = weights_in_units(posterior.program, posterior.draws)[..., 0].numpy()
    assert np.array_equal(exported["weights"].values[0], weights)
    fixed = fixed_in_units(posterior.program, posterior.draws)[:, 0, :, 0].numpy()
    assert np.array_equal(exported["fixed"].values[0], fixed)
    assert list(exported["fixed_feature"].values) == ["x1"]
    assert exported["noise_scale"].dims == ("chain", "draw", "task")
    assert np.array_equal(exported["noise_scale"].values[0], posterior.draws["noise_scale"].numpy())
    one = exported["weights"].sel(task="school 1", feature="x2").values[0]
    assert np.array_equal(one, weights[:, 1, 2])


def task_names(exported: Any) -> list[str]:
    """Names of the observations' tasks, by the axis of the weights."""
    position = exported.constant_data["task_of_observation"].values
    return [str(name) for name in exported.posterior["task"].values[position]]


def test_with_data_all_groups_are_there() -> None:
    posterior, data = example()
    exported = posterior.to_arviz(data)
    groups = {"posterior", "log_likelihood", "posterior_predictive", "observed_data", "constant_data"}
    assert groups <= set(exported.groups())
    assert exported.log_likelihood["y"].dims == ("chain", "draw", "observation")
    assert np.array_equal(exported.log_likelihood["y"].values[0], posterior.log_likelihood(data))
    assert np.array_equal(exported.observed_data["y"].values, data.y)
    assert np.array_equal(exported.constant_data["x"].values, data.x)
    assert list(exported.constant_data["input"].values) == ["x0", "x1"]
    assert task_names(exported) == [data.schema.tasks[t] for t in data.task]
    for group in ("log_likelihood", "posterior_predictive", "observed_data", "constant_data"):
        assert np.array_equal(exported[group]["observation"].values, data.index)
        assert exported[group].attrs["inference_method"] == "prior"


def test_data_of_some_tasks_are_told_by_the_posteriors_axis() -> None:
    posterior, data = example(tasks=4)
    kept = np.isin(data.task, [1, 3])
    some = TaskData.from_arrays(
        data.x[kept], data.y[kept], np.array(["school 3", "school 1"])[data.task[kept] // 2]
    )
    assert some.schema.tasks == ("school 1", "school 3")
    exported = posterior.to_arviz(some)
    assert task_names(exported) == [some.schema.tasks[t] for t in some.task]


def test_rows_of_a_frame_keep_their_labels() -> None:
    random = np.random.default_rng(0)
    index = [f"pupil {i}" for i in range(12)]
    frame = pd.DataFrame(
        {"a": random.normal(size=12), "t": list("uv") * 6, "score": random.normal(size=12)}, index
    )
    data = TaskData.from_frame(frame, x=["a"], y="score", task="t")
    exported = make_posterior(MultiTaskModel(Hierarchical(), Gaussian()), data).to_arviz(data)
    observed = exported.observed_data["score"].to_series()
    assert observed.loc["pupil 3"] == frame.loc["pupil 3", "score"]


def test_chains_are_apart() -> None:
    model, data = MultiTaskModel(Hierarchical(), Gaussian()), make_data()
    posterior = make_posterior(model, data, draws=12, chains=3)
    exported = posterior.to_arviz(data)
    weights = weights_in_units(posterior.program, posterior.draws)[..., 0].numpy()
    assert np.array_equal(exported.posterior["weights"].values, weights.reshape(3, 4, *weights.shape[1:]))
    assert exported.log_likelihood["y"].shape == (3, 4, len(data))
    assert exported.posterior_predictive["y"].shape == (3, 4, len(data))


def mixed_posterior(
    prior: AbstractTaskPrior, groups: dict[str, str] | None = None
) -> tuple[Posterior, TaskData]:
    plain = make_data(tasks=6)
    y = np.select([plain.task < 2, plain.task < 4], [plain.y > 100, np.abs(plain.y - 100).round()], plain.y)
    labels = [plain.schema.tasks[t] for t in plain.task]
    data = TaskData.from_arrays(plain.x, y.astype(float), labels)
    kinds = {f"school {t}": Bernoulli() if t < 2 else Poisson() for t in range(4)}
    likelihood = Mixed(kinds, default=Gaussian(noise="task"), groups=groups)
    return make_posterior(MultiTaskModel(prior, likelihood), data), data


@pytest.mark.parametrize(
    "prior", [Hierarchical(), TaskCovariance(), TaskClustering(2)], ids=["h", "cov", "cl"]
)
def test_kinds_of_tasks_have_axes_of_their_own(prior: AbstractTaskPrior, tmp_path: Path) -> None:
    posterior, data = mixed_posterior(prior)
    exported = posterior.to_arviz(data)
    dims = dims_of(exported)
    assert dims["weights"] == ("task", "feature")
    assert dims["gaussian.noise_scale"] == ("task_gaussian",)
    assert list(exported.posterior["task_gaussian"].values) == ["school 4", "school 5"]
    if isinstance(prior, TaskCovariance):
        assert dims["poisson.task_correlation"] == ("task_poisson", "task_poisson_bis")
        assert list(exported.posterior["task_poisson_bis"].values) == ["school 2", "school 3"]
    if isinstance(prior, TaskClustering):
        assert dims["poisson.assignment"] == ("task_poisson", "cluster")
        assert "poisson.weights" not in dims and "poisson/weights" not in posterior.draws
    exported.to_netcdf(str(tmp_path / "fit.nc"))


def test_groups_of_tasks_that_are_not_kinds() -> None:
    posterior, _ = mixed_posterior(Hierarchical(), {"school 4": "poisson", "school 0": "poisson"})
    exported = posterior.to_arviz()
    dims = dims_of(exported)
    assert dims["poisson.mean"] == ("feature",)
    assert dims["gaussian.noise_scale"] == ("task_gaussian_likelihood",)
    assert list(exported.posterior["task_gaussian_likelihood"].values) == ["school 4", "school 5"]


def test_unused_outputs_are_missing() -> None:
    plain = make_data(tasks=4)
    y = np.where(plain.task < 2, np.arange(len(plain)) // 4 % 3, plain.y)
    data = TaskData.from_arrays(plain.x, y, [plain.schema.tasks[t] for t in plain.task])
    likelihood = Mixed({f"school {t}": Categorical() for t in range(2)}, default=Gaussian())
    posterior = make_posterior(MultiTaskModel(Hierarchical(), likelihood), data)
    values = posterior.to_arviz().posterior["weights"]
    assert values.dims == ("chain", "draw", "task", "feature", "output")
    assert np.isfinite(values.sel(task="school 0")).all()
    assert np.isfinite(values.sel(task="school 3").isel(output=0)).all()
    assert np.isnan(values.sel(task="school 3").isel(output=[1, 2])).all()
    assert len(posterior.weights()) == 2 * 3 * 3 + 2 * 3


def test_a_likelihoods_axes_are_not_features() -> None:
    """Two distances between cutpoints, and two weights."""
    plain = make_data(features=1)
    data = TaskData.from_arrays(plain.x, np.arange(len(plain)) % 4, plain.task)
    posterior = make_posterior(MultiTaskModel(Pooled(), Ordinal()), data)
    assert dims_of(posterior.to_arviz())["cutpoint_increments"] == ("cutpoint",)


def test_own_priors_are_recognised_by_size() -> None:
    posterior, _ = example(OwnPrior(number=3), tasks=4)
    assert dims_of(posterior.to_arviz())["spread"] == ("feature",)
    assert dims_of(posterior.to_arviz())["levels"] == ("level",)
    posterior, _ = example(OwnPrior(number=3), tasks=3)
    # tasks or features: nobody knows
    assert dims_of(posterior.to_arviz())["spread"] == ("spread_dim_0",)


def test_networks_features_have_names() -> None:
    data = make_data()
    posterior = make_posterior(MultiTaskModel(Hierarchical(), Gaussian(), MLP(2, (2,))), data)
    assert list(posterior.to_arviz(data).posterior["feature"].values) == ["Intercept", "h0", "h1"]


def test_targets_may_be_called_like_a_site() -> None:
    plain = make_data()
    for target in ("weights", "x", "mean"):
        frame = pd.DataFrame(plain.x, columns=["x0", "x1"]).assign(task=plain.task, **{target: plain.y})
        data = TaskData.from_frame(frame, x=["x0", "x1"], y=target, task="task")
        exported = make_posterior(MultiTaskModel(Hierarchical(), Gaussian()), data).to_arviz(data)
        assert exported.posterior["weights"].dims[2:] == ("task", "feature")
        (name,) = exported.observed_data.data_vars
        assert np.array_equal(exported.observed_data[name].values, data.y)


def test_the_attributes_tell_where_it_comes_from() -> None:
    posterior, _ = example()
    attributes = posterior.to_arviz().posterior.attrs
    assert attributes["inference_library"] == "bayes_mtl" and attributes["seed"] == "0"
    assert "torch" in attributes["versions"] and "draws=8" in attributes["settings"]
    assert attributes["inference_library_version"] == bayes_mtl.__version__
    assert attributes["prior"].startswith("Hierarchical(") and attributes["likelihood"].startswith(
        "Gaussian("
    )
    assert (attributes["network"], attributes["device"]) == ("none", "cpu")
    assert (attributes["observations"], attributes["stopped"]) == ("18", "finished")


@pytest.fixture(scope="module")
def many_axes() -> Any:
    """Classes, fixed features and text in the coordinates, two chains, every group."""
    plain = make_data(tasks=4)
    labels = np.array(["cat", "dog", "eel"], dtype=object)[np.arange(len(plain)) % 3]
    data = TaskData.from_arrays(plain.x, labels, plain.task, varying=["x0"])
    return make_posterior(MultiTaskModel(TaskClustering(2), Categorical()), data, chains=2).to_arviz(data)


# zarr's own notes: text has no final place in its format yet, and consolidated metadata neither
@pytest.mark.filterwarnings("ignore::zarr.errors.UnstableSpecificationWarning")
@pytest.mark.filterwarnings("ignore:Consolidated metadata is currently not part")
@pytest.mark.parametrize("kind", ["netcdf", "zarr"])
def test_files_hold_what_was_exported(many_axes: Any, kind: str, tmp_path: Path) -> None:
    path = str(tmp_path / kind)
    if kind == "zarr" and hasattr(many_axes, "to_datatree"):
        # ArviZ before 1.0 writes zarr 2 only and says so; xarray writes the same tree in zarr 3
        if tuple(map(int, az.__version__.split(".")[:2])) < (0, 22):
            pytest.importorskip("datatree")  # since then it is xarray's own
        many_axes.to_datatree().to_zarr(path)
        again = xr.open_datatree(path, engine="zarr")
    else:
        getattr(many_axes, f"to_{kind}")(path)
        again = getattr(az, f"from_{kind}")(path)
    names = [name.strip("/") for name in many_axes.groups() if name.strip("/")]
    assert len(names) == 5
    for name in names:
        before, after = (
            found[name].to_dataset() if hasattr(found[name], "to_dataset") else found[name]
            for found in (many_axes, again)
        )
        xr.testing.assert_equal(after, before)
        assert {key: after.attrs[key] for key in before.attrs} == before.attrs
        assert {key: value.dtype.kind for key, value in after.data_vars.items()} == {
            key: value.dtype.kind for key, value in before.data_vars.items()
        }


def test_every_axis_of_every_variable_has_labels(many_axes: Any) -> None:
    names = [name.strip("/") for name in many_axes.groups() if name.strip("/")]
    variables = [value for name in names for value in many_axes[name].data_vars.values()]
    assert len(variables) > 8
    for value in variables:
        assert set(value.dims) == set(value.coords) & set(value.dims)
        assert not [dim for dim in value.dims if str(dim).endswith("_dim_0")]


@pytest.mark.filterwarnings("ignore:Estimated shape parameter")  # of few draws; nothing hangs on it here
def test_arviz_takes_an_export_as_it_is() -> None:
    """No preparation: leave-one-out, and a table of models."""
    data = make_data(tasks=5, rows=20)
    fits = {
        type(prior).__name__: Collapsed(hyperparameters=MAP(laplace=0), draws=400).run(
            MultiTaskModel(prior, Gaussian()), data
        )
        for prior in (Hierarchical(), Pooled())
    }
    exports = {name: posterior.to_arviz(data) for name, posterior in fits.items()}
    for name, exported in exports.items():
        found = az.loo(exported)
        # one chain, so ArviZ smooths as long a tail
        elpd = found.elpd_loo if hasattr(found, "elpd_loo") else found.elpd
        assert float(elpd) == pytest.approx(loo(fits[name], data).elpd.sum(), rel=1e-6)
    assert set(az.compare(exports).index) == set(fits)
