"""The same seed gives the same posterior, and a fit leaves no traces."""

import random
from collections.abc import Callable

import numpy as np
import pyro
import pytest
import torch
from pyro.distributions import Normal
from pyro.infer import SVI as PyroSVI
from pyro.infer import Trace_ELBO
from pyro.infer.autoguide import AutoNormal
from pyro.optim import Adam

from bayes_mtl import MultiTaskModel, Posterior
from bayes_mtl._errors import InputError
from bayes_mtl.inference import MAP, NUTS, SVI, AbstractInference, Collapsed
from bayes_mtl.likelihoods import Gaussian
from bayes_mtl.priors import Hierarchical
from tests.inference import cases

DATA = cases.rows((6, 6, 6, 6))
MODEL = MultiTaskModel(Hierarchical(), Gaussian())
INFERENCES: dict[str, AbstractInference] = {
    "svi": SVI(steps=20, draws=20, progress=False),
    "mini-batches": SVI(steps=20, draws=20, batch_size=10, progress=False),
    "tempered": SVI(steps=20, draws=20, batch_size=10, temperature=2.0, progress=False),
    "map": MAP(),
    "collapsed": Collapsed(),
    "collapsed map": Collapsed(MAP()),
    "collapsed svi": Collapsed(SVI(steps=20, draws=20, progress=False)),
    "collapsed nuts": Collapsed(NUTS(draws=5, warmup=5, chains=2, progress=False)),
}


def equal(one: Posterior, other: Posterior) -> bool:
    return all(torch.equal(value, other.draws[name]) for name, value in one.draws.items())


@pytest.mark.parametrize("name", INFERENCES)
def test_the_seed_decides_and_the_caller_notices_nothing(name: str) -> None:
    inference = INFERENCES[name]
    torch.manual_seed(11)
    np.random.seed(11)  # noqa: NPY002
    random.seed(11)
    before = torch.get_rng_state(), np.random.get_state()[1].copy(), random.getstate()  # noqa: NPY002
    first = inference.run(MODEL, DATA, seed=5)
    after = torch.get_rng_state(), np.random.get_state()[1], random.getstate()  # noqa: NPY002
    assert torch.equal(before[0], after[0])
    assert np.array_equal(before[1], after[1])
    assert before[2] == after[2]
    torch.rand(3), np.random.rand(3), random.random()  # noqa: NPY002
    assert equal(first, inference.run(MODEL, DATA, seed=5))
    assert not torch.equal(first.draws["weights"], inference.run(MODEL, DATA, seed=6).draws["weights"])


@pytest.mark.parametrize("name", ["svi", "collapsed svi"])
def test_a_failed_fit_restores_the_random_state(name: str) -> None:
    def stop(step: int, loss: float) -> None:
        raise RuntimeError("from on_step")

    svi = SVI(progress=False, on_step=stop)
    before = torch.get_rng_state(), np.random.get_state()[1].copy(), random.getstate()  # noqa: NPY002
    with pytest.raises(RuntimeError, match="from on_step"):
        (Collapsed(svi) if name == "collapsed svi" else svi).run(MODEL, DATA)
    assert torch.equal(before[0], torch.get_rng_state())
    assert np.array_equal(before[1], np.random.get_state()[1])  # noqa: NPY002
    assert before[2] == random.getstate()
    assert pyro.settings.get("module_local_params") is False


@pytest.mark.parametrize("seed", [-1, 2**32])
def test_seeds_that_numpy_does_not_take(seed: int) -> None:
    before = torch.get_rng_state(), np.random.get_state()[1].copy(), random.getstate()  # noqa: NPY002
    with pytest.raises(InputError, match=f"seed: expected a whole number from 0 to .* found {seed}"):
        Collapsed().run(MODEL, DATA, seed=seed)
    assert torch.equal(before[0], torch.get_rng_state())
    assert np.array_equal(before[1], np.random.get_state()[1])  # noqa: NPY002
    assert before[2] == random.getstate()


@pytest.mark.parametrize("guide", [None, AutoNormal])
def test_fits_in_turn_do_not_touch_each_other(guide: Callable[..., object] | None) -> None:
    svi = SVI(guide=guide, steps=10, draws=10, progress=False)
    other = cases.rows((5, 5, 5, 5, 5, 5), seed=9)
    alone = svi.run(MODEL, DATA)
    svi.run(MODEL, other)
    assert equal(alone, svi.run(MODEL, DATA))


def test_a_fit_within_a_fit_does_not_disturb_it() -> None:
    svi = SVI(steps=6, draws=10, progress=False)

    def meanwhile(step: int, loss: float) -> None:
        if step == 3:
            svi.run(MODEL, DATA, seed=8)

    outer = SVI(steps=6, draws=10, progress=False, on_step=meanwhile)
    assert equal(svi.run(MODEL, DATA), outer.run(MODEL, DATA))


def test_parameters_of_other_pyro_models_stay_as_they_are() -> None:
    def model() -> None:
        pyro.sample("mean", Normal(0.0, 1.0))

    guide = AutoNormal(model)
    PyroSVI(model, guide, Adam({"lr": 0.1}), Trace_ELBO()).step()
    before = {name: value.clone() for name, value in pyro.get_param_store().items()}
    assert before
    SVI(steps=3, draws=2, progress=False, guide=AutoNormal).run(MODEL, DATA)
    SVI(steps=3, draws=2, progress=False).run(MODEL, DATA)
    after = dict(pyro.get_param_store().items())
    assert before.keys() == after.keys()
    assert all(torch.equal(value, after[name]) for name, value in before.items())


def test_a_guide_function_keeps_its_parameters_to_itself() -> None:
    def factory(program: object) -> Callable[[object], None]:
        def guide(batch: object) -> None:
            loc = pyro.param("loc", torch.zeros(3, 1))
            pyro.sample("mean", Normal(loc, 0.1).to_event(2))

        return guide

    pyro.param("loc", torch.tensor(7.0))
    svi = SVI(guide=factory, steps=5, draws=5, progress=False)
    known = cases.known(DATA)
    first = svi.run(cases.pooled(), known)
    assert equal(first, svi.run(cases.pooled(), known))
    assert dict(pyro.get_param_store().items()) == {"loc": torch.tensor(7.0)}


def test_data_are_only_read() -> None:
    x, y, task = DATA.x.copy(), DATA.y.copy(), DATA.task.copy()
    for name in ("svi", "tempered", "map", "collapsed"):
        INFERENCES[name].run(MODEL, DATA)
    assert np.array_equal(x, DATA.x)
    assert np.array_equal(y, DATA.y)
    assert np.array_equal(task, DATA.task)
