"""A new task from a few rows: against closed forms, quadrature and a fit that saw its rows."""

import numpy as np
import pytest
import torch
from scipy.special import expit

from bayes_mtl import MultiTaskModel, Posterior, TaskData
from bayes_mtl._errors import InputError, UnsupportedError
from bayes_mtl._psis import psis
from bayes_mtl.diagnostics import check
from bayes_mtl.inference import SVI, Collapsed, adapt
from bayes_mtl.likelihoods import Bernoulli, Gaussian
from bayes_mtl.networks import MLP, Frozen
from bayes_mtl.posterior._new_tasks import new_dims, new_weights
from bayes_mtl.priors import Hierarchical, LowRank, Pooled, TaskClustering, TaskCovariance

TASKS, ROWS = 12, 15


def rows(seed: int = 0) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Features, targets, tasks and the mask of what the first fit sees (all but the last task)."""
    rng = np.random.default_rng(seed)
    weights = rng.normal([5.0, 1.0, -1.0], [1.0, 0.3, 0.5], size=(TASKS + 1, 3))
    task = np.repeat(np.arange(TASKS + 1), ROWS)
    x = rng.normal(3.0, 2.0, size=(len(task), 2))
    y = weights[task, 0] + (x * weights[task, 1:]).sum(1) + rng.normal(0, 0.5, len(task))
    return x, y, task, task < TASKS


def few(x: np.ndarray, y: np.ndarray, task: np.ndarray, number: int = 4) -> TaskData:
    new = np.flatnonzero(task == TASKS)[:number]
    return TaskData.from_arrays(x[new], y[new], task[new])


def fitted(prior: object, noise: str = "shared") -> tuple[Posterior, TaskData]:
    x, y, task, old = rows()
    data = TaskData.from_arrays(x[old], y[old], task[old])
    posterior = Collapsed(draws=1000).run(MultiTaskModel(prior, Gaussian(noise=noise)), data)
    return posterior, few(x, y, task)


@pytest.mark.parametrize(
    "prior",
    [
        Hierarchical(covariance="diagonal"),
        Hierarchical(),
        LowRank(1),
        TaskClustering(2, covariance="diagonal"),
        Pooled(),
    ],
    ids=lambda prior: type(prior).__name__ + getattr(prior, "covariance", ""),
)
def test_agrees_with_a_fit_that_saw_the_rows(prior: object) -> None:
    posterior, new = fitted(prior)
    x, y, task, old = rows()
    chosen = np.concatenate([np.flatnonzero(old), np.flatnonzero(~old)[:4]])
    together = Collapsed(draws=1000).run(
        MultiTaskModel(prior, Gaussian()), TaskData.from_arrays(x[chosen], y[chosen], task[chosen])
    )
    found, exact = (p.weights().loc[str(TASKS)] for p in (adapt(posterior, new), together))
    # Both draw hyperparameters from Laplace approximations at different data: a third of a posterior sd is
    # their disagreement, an order of magnitude less than what the rows moved the task.
    assert np.all(np.abs(found["mean"] - exact["mean"]) < 0.35 * exact["sd"])
    assert np.all(np.abs(np.log(found["sd"] / exact["sd"])) < 0.35)


def test_exact_given_the_hyperparameters() -> None:
    posterior, new = fitted(Hierarchical(covariance="diagonal"))
    # One draw of everything shared, repeated: the new weights then have a closed form.
    same = {name: value[:1].expand(6000, *value.shape[1:]) for name, value in posterior.draws.items()}
    one = Posterior(posterior.program, same, posterior.record)
    weights = adapt(one, new).draws["weights"][:, -1, :, 0].double()
    program = posterior.program
    x = (new.x - program.scaling.x_mean) / program.scaling.x_sd
    design = torch.tensor(np.column_stack([np.ones(len(x)), x]))
    target = torch.tensor((new.y - program.scaling.shift[0, 0]) / program.scaling.spread[0, 0])
    mean, scale = (posterior.draws[name][0, 0, :, 0].double() for name in ("mean", "scale"))
    noise = posterior.draws["noise_scale"][0, 0].double()
    precision = design.T @ design / noise**2 + torch.diag(scale**-2)
    covariance = torch.linalg.inv(precision)
    center = covariance @ (design.T @ target / noise**2 + mean / scale**2)
    error = covariance.diagonal().sqrt() / 6000**0.5
    # Proposals are exact, but each of 16 may be drawn more than once for a draw: 6 standard errors.
    assert torch.all((weights.mean(0) - center).abs() < 6 * error)
    assert torch.allclose(
        weights.T.cov(), covariance, atol=6 * float(covariance.abs().max()) * (2 / 6000) ** 0.5
    )


def test_logistic_against_quadrature() -> None:
    _, y, task, old = rows()
    binary = (y > np.median(y)).astype(float)
    data = TaskData.from_arrays(np.empty((int(old.sum()), 0)), binary[old], task[old])
    svi = SVI(steps=300, particles=1, draws=4000, progress=False)
    posterior = svi.run(MultiTaskModel(Hierarchical(), Bernoulli()), data)
    new = np.flatnonzero(~old)[:6]
    few_rows = TaskData.from_arrays(np.empty((6, 0)), np.ones(6), task[new])
    found = adapt(posterior, few_rows).draws["weights"][:, -1, 0, 0].double().numpy()
    # p(w) = average over the draws of N(mean, scale) times the likelihood of six ones, on a grid.
    grid = np.linspace(-12, 15, 4001)
    mean, scale = (posterior.draws[n][:, 0, 0, 0].double().numpy()[:, None] for n in ("mean", "scale"))
    shift = float(posterior.program.scaling.shift[0, 0])
    density = np.exp(-0.5 * ((grid - mean) / scale) ** 2) / scale
    density = density.mean(0) * expit(grid + shift) ** 6
    density /= density.sum()
    exact = (grid * density).sum()
    spread = np.sqrt(((grid - exact) ** 2 * density).sum())
    # 4,000 resampled draws count for about a quarter as many independent ones: 5 standard errors.
    assert abs(found.mean() - exact) < 5 * spread / 1000**0.5
    assert abs(found.std() / spread - 1) < 0.15


def test_cluster_of_the_new_task_is_found() -> None:
    rng = np.random.default_rng(1)
    centers = np.array([-4.0, 4.0])
    labels = np.arange(11) % 2
    task = np.repeat(np.arange(11), 10)
    y = centers[labels][task] + rng.normal(0, 1.0, len(task))
    old = task < 10
    data = TaskData.from_arrays(np.empty((100, 0)), y[old], task[old])
    posterior = Collapsed().run(MultiTaskModel(TaskClustering(2), Gaussian()), data)
    grown = adapt(posterior, TaskData.from_arrays(np.empty((2, 0)), y[~old][:2], task[~old][:2]))
    together = grown.relatedness().mean.loc["10"]
    assert together[["0", "2", "4"]].min() > 0.95
    assert together[["1", "3", "5"]].max() < 0.05


def test_result_is_a_posterior_like_any_other(tmp_path: object) -> None:
    posterior, new = fitted(Hierarchical(covariance="diagonal"), noise="task")
    grown = adapt(posterior, new, seed=3)
    assert grown.tasks == (*posterior.tasks, str(TASKS))
    again = adapt(posterior, new, seed=3)
    assert torch.equal(grown.draws["weights"], again.draws["weights"])
    assert grown.draws["noise_scale"].shape[1] == TASKS + 1
    assert len(grown.predict(new)) == len(new)
    path = grown.save(tmp_path / "grown.safetensors")  # type: ignore[operator]
    assert path.exists()
    assert posterior.draws["weights"].shape[1] == TASKS


def test_one_strange_task_among_several_is_told() -> None:
    """Each task chooses among the draws; the weights of the worst choice are what the record keeps."""
    posterior, new = fitted(Hierarchical(covariance="diagonal"))
    random = np.random.default_rng(2)
    odd = TaskData.from_arrays(new.x, new.y + 300.0 * random.normal(size=len(new)), ["odd"] * len(new))
    usual = TaskData.from_arrays(new.x, new.y, ["usual"] * len(new))
    names = np.repeat(["odd", "usual"], len(new))
    both = TaskData.from_arrays(np.tile(new.x, (2, 1)), np.concatenate([odd.y, usual.y]), names)
    alone = adapt(posterior, odd)
    for grown in (adapt(posterior, both), adapt(alone, usual)):
        assert len(grown.draws["mean"].unique(dim=0)) < 100
        np.testing.assert_array_equal(grown.record.log_weights, alone.record.log_weights)
        assert grown.record.method == f"adapt({posterior.record.method})"
        assert grown.record.observations == posterior.record.observations + 2 * len(new)
        assert any("k-hat" in finding.what for finding in check(grown).findings)
    assert psis(adapt(posterior, usual).record.log_weights)[1] < 0.7 < psis(alone.record.log_weights)[1]


def test_what_belongs_to_a_task_is_told_apart_where_only_one_was_fitted() -> None:
    x, y, task, _ = rows()
    data = TaskData.from_arrays(x[task == 0], y[task == 0], task[task == 0])
    model = MultiTaskModel(Hierarchical(covariance="diagonal"), Gaussian(noise="task"))
    posterior = Collapsed(draws=300).run(model, data)
    posterior.draws["noise_scale"].fill_(7.0)  # of the fitted task alone: a new one's comes from the prior
    grown = adapt(posterior, few(x, y, task))
    assert grown.draws["noise_scale"].shape == (300, 2)
    assert grown.draws["mean"].shape[1] == grown.draws["scale"].shape[1] == 1
    assert torch.all(grown.draws["noise_scale"][:, 0] == 7.0)
    assert torch.all(grown.draws["noise_scale"][:, 1] < 7.0)
    dims = new_dims(posterior.program, ("a", "b"), None)
    drawn = new_weights(posterior.program, posterior.draws, dims, 0)["noise_scale"]
    # Half-normal of scale 1, 300 draws: 4 Monte-Carlo standard errors of its mean, 0.8.
    assert drawn.shape == (300, 2) and abs(float(drawn.mean()) - 0.798) < 4 * 0.603 / 600**0.5


def test_refusals() -> None:
    posterior, new = fitted(Hierarchical(covariance="diagonal"))
    x, y, task, old = rows()
    with pytest.raises(InputError, match="tasks that were not fitted"):
        adapt(posterior, TaskData.from_arrays(x[old][:5], y[old][:5], task[old][:5]))
    with pytest.raises(InputError, match="columns"):
        adapt(posterior, TaskData.from_arrays(new.x[:, :1], new.y, ["new"] * len(new)))
    correlated, new = fitted(TaskCovariance())
    with pytest.raises(UnsupportedError, match="says nothing about"):
        adapt(correlated, new)


def test_features_of_a_network_are_features() -> None:
    """With a fixed network on the inputs: the same as without one on what it makes of them."""
    x, y, task, old = rows()
    torch.manual_seed(0)
    network = MLP(2, (4, 3))
    with torch.no_grad():
        made = network(torch.as_tensor(x).float()).numpy()
    found = []
    for inputs, inside in ((x, Frozen(network)), (made, None)):
        data = TaskData.from_arrays(inputs[old], y[old] - 8.0, task[old])
        model = MultiTaskModel(Hierarchical(covariance="diagonal"), Gaussian(), inside, standardize=False)
        posterior = Collapsed(draws=200).run(model, data)
        found.append(adapt(posterior, few(inputs, y - 8.0, task)).draws["weights"][:, -1])
    # The features are rounded to float32 in both.
    torch.testing.assert_close(found[0], found[1], rtol=1e-3, atol=1e-3)
