"""Switched labels of clusters are undone."""

import numpy as np
import pytest
import torch
from pyro import poutine

from bayes_mtl import MultiTaskModel
from bayes_mtl._shapes import Dims
from bayes_mtl.likelihoods import Gaussian
from bayes_mtl.priors import TaskClustering
from bayes_mtl.priors._align import align_clusters, matching
from bayes_mtl.testing._site_draws import SiteDraws, log_densities, together
from tests.posterior.examples import make_data, make_posterior

FEATURES = np.array([[-1.0, 0.3], [0.2, 1.5], [0.9, -0.4], [2.0, 0.1], [0.0, 0.0], [1.0, 1.0]])


def switched(
    draws: dict[str, torch.Tensor], prior: TaskClustering, order: torch.Tensor
) -> dict[str, torch.Tensor]:
    """Permute the clusters of each draw by hand, axis by axis."""
    result = {}
    for name, value in draws.items():
        names = prior.dim_names.get(name, ())
        pieces = []
        for s in range(len(value)):
            piece = value[s]
            for i, dim in enumerate(names):
                if dim == "cluster":
                    piece = piece.index_select(i - len(names), order[s])
            pieces.append(piece)
        result[name] = torch.stack(pieces)
    return result


@pytest.mark.parametrize("weights", ["dirichlet", "sparse", "stick-breaking", "gate"])
def test_switching_is_undone(weights: str) -> None:
    """One draw with its labels switched at random: all copies come back alike."""
    prior = TaskClustering(3, weights_prior=weights, task_mean=weights == "gate")  # type: ignore[arg-type]
    data = make_data(tasks=6, task_features=FEATURES)
    posterior = make_posterior(MultiTaskModel(prior, Gaussian()), data, draws=1)
    program = posterior.program
    dims = program.dims(program.task_features)
    one = {name: value.expand(20, *value.shape[1:]) for name, value in posterior.draws.items()}
    order = torch.stack([torch.randperm(3) for _ in range(20)])
    assert len(order.unique(dim=0)) > 3
    mixed = switched(one, prior, order)
    aligned = prior.align(mixed, dims)
    for name, value in aligned.items():
        assert torch.equal(value, value[:1].expand_as(value)), name
    share = prior.assignment(aligned, dims)[0].sum(0)
    assert (share.diff() <= 1e-6).all()  # the largest cluster first
    if weights != "stick-breaking":  # whose labels are not exchangeable
        sites = {name for name in mixed if name != "assignment"}
        plated = frozenset({"weights"})
        batch = (program.batch(data),)
        before, after = (
            sum(
                log_densities(
                    together(program, batch, SiteDraws({k: d[k] for k in sites}, plated)), 20
                ).values()
            )
            for d in (mixed, aligned)
        )
        # float32 sums in another order
        assert torch.allclose(before, after, rtol=1e-5)


def test_noisy_draws_are_matched_to_each_other() -> None:
    generator = torch.Generator().manual_seed(0)
    labels = torch.tensor([0, 0, 0, 1, 1, 2, 2, 2, 2])
    clean = torch.nn.functional.one_hot(labels, 3).double()
    noisy = (6 * clean + torch.randn(50, 9, 3, generator=generator)).softmax(-1)
    order = torch.stack([torch.randperm(3, generator=generator) for _ in range(50)])
    found = matching(noisy.take_along_dim(order.unsqueeze(1), -1))
    back = order.take_along_dim(found, -1)  # place -> label of the clean draw
    assert (back == torch.tensor([2, 0, 1])).all()  # by size


def test_one_odd_first_draw_does_not_decide() -> None:
    """The reference is the draw in the middle: here the first lumps all tasks together."""
    labels = torch.tensor([0, 0, 0, 1, 1, 1, 1])
    clean = torch.nn.functional.one_hot(labels, 2).double()
    values = clean.expand(30, -1, -1).clone()
    values[1::2] = values[1::2].flip(-1)
    values[0] = torch.tensor([0.0, 1.0])
    found = values.take_along_dim(matching(values).unsqueeze(1), -1)
    assert torch.equal(found[1:], clean.flip(-1).expand(29, -1, -1))


def test_only_cluster_axes_are_permuted() -> None:
    draws = {"a": torch.arange(12.0).reshape(2, 1, 3, 2), "b": torch.ones(2, 1, 3)}
    values = torch.tensor([[[0.1, 0.8, 0.1]] * 4, [[0.8, 0.1, 0.1]] * 4])
    found = align_clusters(draws, values, {"a": ("cluster", "feature")})
    assert torch.equal(found["b"], draws["b"])
    assert torch.equal(found["a"][0, 0, 0], draws["a"][0, 0, 1])
    assert torch.equal(found["a"][1, 0, 0], draws["a"][1, 0, 0])


def test_assignments_are_bayes_rule() -> None:
    prior = TaskClustering(2)
    data = make_data(tasks=6)
    posterior = make_posterior(MultiTaskModel(prior, Gaussian()), data, draws=4)
    dims: Dims = posterior.program.dims()
    draws = posterior.draws
    for s in range(4):
        one = {k: v[s, 0] for k, v in draws.items() if k not in ("weights", "assignment")}
        stated = poutine.condition(prior.moments, data=one)(dims)
        root = stated.scale[:, :, 0].unsqueeze(-1) * stated.correlation
        normal = torch.distributions.MultivariateNormal(stated.mean[:, :, 0], scale_tril=root)
        log = stated.logits + normal.log_prob(draws["weights"][s, :, :, 0].unsqueeze(1))
        assert torch.allclose(draws["assignment"][s], log.softmax(-1), atol=1e-4)
