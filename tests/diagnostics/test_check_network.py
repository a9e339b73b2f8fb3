"""A trained network has seen what is left out, and whoever reads the scores is told."""

import warnings

import pytest
import torch

from bayes_mtl import MultiTaskModel, Posterior
from bayes_mtl.diagnostics import Finding, check, compare
from bayes_mtl.inference import SVI
from bayes_mtl.likelihoods import Gaussian
from bayes_mtl.networks import MLP, Frozen
from bayes_mtl.priors import Hierarchical
from tests.diagnostics.posteriors import data as made

DATA = made(4, 6)


def fitted(network: torch.nn.Module | None) -> Posterior:
    model = MultiTaskModel(Hierarchical(), Gaussian(), network)
    return SVI(steps=2, draws=20, progress=False).run(model, DATA)


def seen(posterior: Posterior, **more: object) -> list[Finding]:
    found = check(posterior, **more).findings  # type: ignore[arg-type]
    return [one for one in found if "seen by the network" in one.title]


def test_check_notes_it_where_something_is_left_out() -> None:
    posterior = fitted(MLP(2, [3]))
    (finding,) = seen(posterior, data=DATA)
    assert finding.severity == "note"
    for word in ("Validation", "split()", "posterior.score(held_out)"):
        assert word in finding.remedy
    assert not seen(posterior)  # nothing is left out without the data
    assert not seen(fitted(None), data=DATA)
    (finding,) = seen(fitted(Frozen(MLP(2, [3]))), data=DATA)
    assert "if it was trained on these data" in finding.what


def test_compare_warns_of_a_network_beside_none() -> None:
    deep, flat = fitted(MLP(2, [3])), fitted(None)
    with pytest.warns(UserWarning, match=r"seen by the network of 'deep'.*posterior.score\(held_out\)"):
        compare({"deep": deep, "flat": flat}, DATA)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        compare({"deep": deep, "deep too": deep}, DATA)  # alike
