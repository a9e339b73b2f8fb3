"""Which cluster a new task belongs to, from its few rows: against Bakker and Heskes' closed form."""

import numpy as np
import pytest
import torch
from scipy.special import softmax
from scipy.stats import multivariate_normal

from bayes_mtl import MultiTaskModel, Posterior, TaskData
from bayes_mtl.inference import adapt
from bayes_mtl.likelihoods import Gaussian
from bayes_mtl.priors import TaskClustering
from tests.posterior.examples import make_data, make_posterior

DRAWS = 8000


def at_one_draw(prior: TaskClustering) -> Posterior:
    """A posterior that knows the hyperparameters: one draw of the prior, repeated; two clusters overlap."""
    data = make_data(tasks=4, task_features=np.array([[-1.0], [0.0], [0.5], [2.0]]))
    posterior = make_posterior(MultiTaskModel(prior, Gaussian()), data, draws=1)
    draws = {name: value.clone() for name, value in posterior.draws.items()}
    draws["cluster_mean"][0, 0, :, :, 0] = torch.tensor([[0.6, 0.3, 0.0], [-0.4, 0.3, 0.5]])
    draws["noise_scale"][:] = 0.8
    return Posterior(
        posterior.program,
        {name: value.expand(DRAWS, *value.shape[1:]) for name, value in draws.items()},
        posterior.record,
    )


def closed_form(posterior: Posterior, rows: TaskData, log_share: np.ndarray) -> np.ndarray:
    """``r ~ q N(y; H m, H S H' + sigma^2 I)`` for each cluster."""
    scaling = posterior.program.scaling
    h = np.column_stack([np.ones(len(rows)), (rows.x - scaling.x_mean) / scaling.x_sd])
    y = (rows.y - scaling.shift[0, 0]) / scaling.spread[0, 0]
    one = {name: value[0, 0].double().numpy() for name, value in posterior.draws.items()}
    logs = []
    for k in range(2):
        scale, mean = one["cluster_scale"][k, :, 0], one["cluster_mean"][k, :, 0]
        root = np.diag(scale) @ (one["cluster_correlation"][k] if "cluster_correlation" in one else np.eye(3))
        covariance = h @ root @ root.T @ h.T + one["noise_scale"] ** 2 * np.eye(len(y))
        logs.append(log_share[k] + multivariate_normal.logpdf(y, h @ mean, covariance))
    return np.asarray(softmax(logs))


@pytest.mark.parametrize("covariance", ["full", "diagonal"])
@pytest.mark.parametrize("gate", [False, True])
def test_probabilities_of_the_new_task_are_exact(covariance: str, gate: bool) -> None:
    weights = "gate" if gate else "dirichlet"
    posterior = at_one_draw(TaskClustering(2, weights_prior=weights, covariance=covariance))  # type: ignore[arg-type]
    x = np.array([[4.0, 30.0], [12.0, 8.0], [-3.0, 1.0]])
    features = np.array([[1.2]]) if gate else np.array([[0.0]])
    rows = TaskData.from_arrays(x, np.array([104.0, 97.0, 101.0]), ["new"] * 3, task_features=features)
    if gate:
        z = (1.2 - posterior.program.scaling.task_mean[0]) / posterior.program.scaling.task_sd[0]
        log_share = np.array([1.0, z]) @ posterior.draws["gate"][0, 0].double().numpy()
    else:
        log_share = posterior.draws["cluster_weights"][0, 0].double().log().numpy()
    exact = closed_form(posterior, rows, log_share)
    grown = adapt(posterior, rows)
    # Labels are aligned anew, the largest cluster first: the one we mean has the higher intercept.
    first = grown.draws["cluster_mean"][:, 0, :, 0, 0].argmax(-1, keepdim=True)
    share = grown.draws["assignment"][:, -1].gather(1, first)[:, 0].double().numpy()
    assert 0.02 < exact[0] < 0.98
    # 16 proposals a draw, of which some are drawn twice: 5 Monte-Carlo standard errors of 8,000 draws.
    assert abs(share.mean() - exact[0]) < 5 * share.std() / DRAWS**0.5


def test_relatedness_is_the_probability_of_one_cluster_at_every_draw() -> None:
    posterior = at_one_draw(TaskClustering(2))
    rows = TaskData.from_arrays(
        np.array([[4.0, 30.0], [12.0, 8.0]]),
        np.array([104.0, 97.0]),
        ["new"] * 2,
        task_features=np.array([[0.0]]),
    )
    grown = adapt(posterior, rows)
    share = grown.draws["assignment"].double().numpy()
    found = grown.relatedness(level=0.8)
    # Clusters of two tasks are independent given the weights, which sums out both assignments exactly.
    together = (share[:, -1] * share[:, 0]).sum(1)
    assert np.isclose(found.mean.loc["new", "school 0"], together.mean(), atol=1e-5)
    assert np.isclose(found.lower.loc["new", "school 0"], np.quantile(together, 0.1), atol=1e-5)
    assert np.isclose(found.upper.loc["new", "school 0"], np.quantile(together, 0.9), atol=1e-5)
    assert (np.diag(found.mean) == 1.0).all()
