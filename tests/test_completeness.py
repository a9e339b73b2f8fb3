"""Every public name is described to the last argument, and a test speaks of it."""

import importlib
import inspect
import pkgutil
import re
from pathlib import Path
from typing import Any

import pytest

import bayes_mtl

ROOT = Path(__file__).resolve().parent
WORDS = {
    word
    for path in ROOT.rglob("*.py")
    if path != Path(__file__).resolve()
    for word in re.findall(r"\w+", path.read_text(encoding="utf-8"))
}
# Names that no test calls by name: what is tested by name, and makes or uses them all the time.
THROUGH = {
    "bayes_mtl.data.AbstractTaskData": "TaskData",
    "bayes_mtl.datasets.PairTruth": "correlated_pair",
    "bayes_mtl.diagnostics.MixtureNetwork": "expert_use",
    "bayes_mtl.diagnostics.Transfer": "transfer",
    "bayes_mtl.distributions.Forest": "Trees",
    "bayes_mtl.distributions.Upward": "TreeMessages",
    "bayes_mtl.distributions.added": "TreeMessages",
    "bayes_mtl.distributions.marginals": "TreeMessages",
    "bayes_mtl.distributions.push": "TreeMessages",
    "bayes_mtl.distributions.upward": "TreeMessages",
    "bayes_mtl.model.TASK_PLATES": "AutoTaskBlocks",
    "bayes_mtl.model.classes_seen": "Categorical",
    "bayes_mtl.model.task_scale": "SVI",
    "bayes_mtl.networks.AbstractStochasticNetwork": "RelatedFeatures",
    "bayes_mtl.posterior.Relatedness": "relatedness",
    "bayes_mtl.posterior.SupportTree": "consensus_tree",
    "bayes_mtl.posterior.total_log_likelihood": "SVI",
    "bayes_mtl.priors.Diffusion": "LatentHierarchy",
    "bayes_mtl.priors.Estimates": "SVI",
}
PACKAGES = [m.name for m in pkgutil.iter_modules(bayes_mtl.__path__, "bayes_mtl.") if m.ispkg]
PUBLIC = {
    f"{package}.{name}": getattr(importlib.import_module(package), name)
    for package in PACKAGES
    for name in importlib.import_module(package).__all__
}


def undescribed(function: Any) -> list[str]:
    """Arguments that a docstring names nowhere."""
    text = inspect.getdoc(function) or ""
    names = [n for n in inspect.signature(function).parameters if n not in ("self", "cls") and n[0] != "_"]
    return [name for name in names if not re.search(rf"\b{name}\b", text)]


def test_there_is_something_to_check() -> None:
    assert len(PUBLIC) > 150 and len(PACKAGES) >= 12


@pytest.mark.parametrize("name", [n for n, thing in PUBLIC.items() if inspect.isfunction(thing)])
def test_functions_describe_their_arguments(name: str) -> None:
    assert len(inspect.getdoc(PUBLIC[name]) or "") > 20
    text = inspect.getdoc(PUBLIC[name]) or ""
    if "Parameters\n---" in text:
        assert not undescribed(PUBLIC[name])


def test_every_public_name_is_tested() -> None:
    unnamed = {name for name in PUBLIC if name.rpartition(".")[2] not in WORDS}
    assert not unnamed - THROUGH.keys(), "Write a test that uses them."
    assert not THROUGH.keys() - unnamed, "A test names them by now: take them off the list."
    assert set(THROUGH.values()) <= WORDS
