"""Tasks that were not fitted: what each prior says of them."""

import numpy as np
import pandas as pd
import pytest
import torch
from pyro import poutine

from bayes_mtl import MultiTaskModel, TaskData
from bayes_mtl._errors import InputError, UnsupportedError
from bayes_mtl.likelihoods import Bernoulli, Gaussian, Mixed
from bayes_mtl.posterior._new_tasks import new_dims, new_weights
from bayes_mtl.priors import (
    AbstractTaskPrior,
    Hierarchical,
    LatentCovarianceHierarchy,
    TaskClustering,
    TaskCovariance,
)
from bayes_mtl.testing._prior_moments import implied
from tests.posterior.examples import example, make_data, make_posterior
from tests.posterior.own_classes import OwnPrior
from tests.priors.cases import JOINT, PRIORS

FEATURES = np.array([[-1.0, 0.3], [0.2, 1.5], [0.9, -0.4], [2.0, 0.1]])


# New tasks on a tree depend on the fitted ones, too: see test_latent_hierarchy.
@pytest.mark.parametrize("name", [name for name in JOINT if "tree_given" not in name])
def test_weights_have_the_moments_of_the_prior_given_the_hyperparameters(name: str) -> None:
    prior = PRIORS[name]
    data = make_data(tasks=4, task_features=FEATURES)
    posterior = make_posterior(MultiTaskModel(prior, Gaussian()), data, draws=3)
    program, number = posterior.program, 4000
    given = np.array([[0.5, 0.5], [-1.0, 2.0]])
    dims = new_dims(program, ("a", "b"), given)
    if isinstance(prior, (TaskCovariance, LatentCovarianceHierarchy)):
        with pytest.raises(UnsupportedError, match="fitted tasks"):
            new_weights(program, posterior.draws, dims, seed=0)
        return
    # one draw of the hyperparameters, many draws of the weights
    draws = {k: v[:1].expand(number, *v.shape[1:]) for k, v in posterior.draws.items()}
    found = new_weights(program, draws, dims, seed=0)["weights"].double().flatten(1)
    with torch.no_grad():
        hyper = {k: v[0, 0] for k, v in posterior.draws.items() if k not in ("weights", "assignment")}
        stated = poutine.condition(prior.moments, data=hyper)(dims)
    mean, covariance = implied(stated, dims)
    variance = covariance.diagonal()
    # 6 Monte-Carlo standard errors of 4,000 draws, and float32
    assert ((found.mean(0) - mean).abs() <= 6 * (variance / number).sqrt() + 1e-5).all()
    spread = (found - mean).square()
    assert ((spread.mean(0) - variance).abs() <= 6 * spread.std(0) / number**0.5 + 1e-5).all()


@pytest.mark.parametrize("name", PRIORS)
def test_predictions_follow_from_those_weights(name: str) -> None:
    prior = PRIORS[name]
    data = make_data(tasks=4, task_features=FEATURES)
    posterior = make_posterior(MultiTaskModel(prior, Gaussian()), data)
    x = np.array([[1.0, 20.0], [9.0, -30.0], [4.0, 4.0]])
    given = np.array([[0.5, 0.5], [-1.0, 2.0]])
    if isinstance(prior, (TaskCovariance, LatentCovarianceHierarchy)):
        with pytest.raises(UnsupportedError, match=r"[Uu]se (Hierarchical|LatentHierarchy)"):
            posterior.predict(x, ["a", "b", "a"], new_task=True, task_features=given)
        return
    arguments = {"new_task": True, "task_features": given, "kind": "mean", "keep_draws": True}
    found = posterior.predict(x, ["a", "b", "a"], seed=3, **arguments)
    program = posterior.program
    weights = new_weights(program, posterior.draws, new_dims(program, ("a", "b"), given), seed=3)["weights"]
    scaling = program.scaling
    design = np.column_stack([np.ones(3), (x - scaling.x_mean) / scaling.x_sd])
    f = np.einsum("nd,snd->sn", design, weights[:, [0, 1, 0], :, 0].double().numpy())
    # float32 on targets of about 100
    assert np.allclose(found.draws, scaling.shift[0, 0] + scaling.spread[0, 0] * f, rtol=1e-4)
    assert list(found.task) == ["a", "b", "a"]
    assert np.array_equal(found.draws, posterior.predict(x, ["a", "b", "a"], seed=3, **arguments).draws)


def test_features_of_tasks_come_as_a_frame_in_any_order() -> None:
    prior = TaskClustering(2, weights_prior="gate")
    features = pd.DataFrame(FEATURES, columns=["size", "age"], index=[f"school {t}" for t in range(4)])
    data = make_data(tasks=4, task_features=features)
    posterior = make_posterior(MultiTaskModel(prior, Gaussian()), data)
    x = data.x[:3]
    given = pd.DataFrame({"age": [0.1, 5.0], "size": [2.0, 3.0]}, index=["b", "a"])
    by_name = posterior.predict(x, ["a", "b", "a"], new_task=True, task_features=given)
    in_order = posterior.predict(x, ["a", "b", "a"], new_task=True, task_features=[[3.0, 5.0], [2.0, 0.1]])
    assert np.array_equal(by_name.mean, in_order.mean)
    with pytest.raises(InputError, match="task_features: expected 2 for each new task"):
        posterior.predict(x, ["a", "b", "a"], new_task=True)
    with pytest.raises(InputError, match=r"found shape \(1, 2\)"):
        posterior.predict(x, ["a", "b", "a"], new_task=True, task_features=[[3.0, 5.0]])
    with pytest.raises(InputError, match="no \\['age'\\]"):
        posterior.predict(x, ["a", "b", "a"], new_task=True, task_features=given[["size"]])


def test_features_of_tasks_are_never_taken_by_chance_of_their_place() -> None:
    features = pd.DataFrame(FEATURES, columns=["size", "age"], index=[f"school {t}" for t in range(4)])
    data = make_data(tasks=4, task_features=features)
    posterior = make_posterior(MultiTaskModel(TaskClustering(2, weights_prior="gate"), Gaussian()), data)
    values = np.array([[3.0, 5.0], [2.0, 0.1]])

    def asked(index: list[object] | None, tasks: list[object]) -> np.ndarray:
        given = pd.DataFrame(values, columns=["size", "age"], index=index)
        found = posterior.predict(data.x[:2], tasks, new_task=True, task_features=given)
        return np.array(found.mean)

    in_order = posterior.predict(data.x[:2], ["1", "2"], new_task=True, task_features=values).mean
    swapped = posterior.predict(data.x[:2], ["1", "2"], new_task=True, task_features=values[::-1]).mean
    assert np.array_equal(asked([1.0, 2.0], ["1", "2"]), in_order)
    assert np.array_equal(asked([2.0, 1.0], ["1", "2"]), swapped)  # pandas makes floats of whole numbers
    assert np.array_equal(asked(None, ["a", "b"]), asked(["a", "b"], ["a", "b"]))  # counted from 0
    with pytest.raises(InputError, match=r"none for 'lake' .*Did you mean 'lakes'"):
        asked(["ocean", "lakes"], ["lake", "ocean"])
    with pytest.raises(InputError, match="none for '2'"):  # its index is 0 and 1, so not the second's
        asked(None, [1, 2])


def test_a_mapping_of_columns_has_as_many_rows_as_they() -> None:
    posterior, data = example()
    rows = {"x0": data.x[:3, 0], "x1": data.x[:3, 1]}
    expected = posterior.predict(data.x[:3], new_task=True).mean
    assert np.array_equal(posterior.predict(rows, new_task=True).mean, expected)
    assert len(posterior.predict(rows, ["a", "b", "a"], new_task=True).mean) == 3
    assert len(posterior.predict({**rows, "t": list("aba")}, "t", new_task=True).mean) == 3


@pytest.mark.parametrize("missing", [None, float("nan"), pd.NA])
def test_a_missing_label_is_no_new_task(missing: object) -> None:
    posterior, data = example()
    with pytest.raises(
        InputError, match=r"task: expected a label for every row, found missing in 1 .*rows 1"
    ):
        posterior.predict(data.x[:3], ["a", missing, "b"], new_task=True)


def test_all_rows_belong_to_one_task_by_default() -> None:
    posterior, data = example()
    found = posterior.predict(data.x, new_task=True, kind="mean", keep_draws=True)
    assert set(found.task) == {"new task"}
    one = posterior.predict(data.x, "somebody", new_task=True, kind="mean", keep_draws=True)
    assert np.array_equal(found.draws, one.draws)


def test_kinds_of_tasks_have_no_common_population() -> None:
    plain = make_data(tasks=4)
    y = np.where(plain.task < 2, plain.y > 100, plain.y).astype(float)
    data = TaskData.from_arrays(plain.x, y, plain.task, task_names=list(plain.schema.tasks))
    likelihood = Mixed({f"school {t}": Bernoulli() for t in range(2)}, default=Gaussian())
    posterior = make_posterior(MultiTaskModel(Hierarchical(), likelihood), data)
    with pytest.raises(UnsupportedError, match="different kinds"):
        posterior.predict(data.x, new_task=True)


def test_own_gaussian_priors_need_nothing_more() -> None:
    posterior, data = example(OwnPrior())
    assert np.isfinite(posterior.predict(data.x, new_task=True).mean).all()


def test_own_priors_that_say_nothing_say_so() -> None:
    class Silent(AbstractTaskPrior):
        def weights(self, dims):  # type: ignore[no-untyped-def]
            return torch.zeros(dims.tasks, *dims.weights)

    posterior, data = example(Silent())
    with pytest.raises(UnsupportedError, match="Silent says nothing about a task that was not fitted"):
        posterior.predict(data.x, new_task=True)
