"""What all tests share. Shapes and types are checked in the test run only, and from here."""

import os
import sys
from collections.abc import Iterator
from pathlib import Path

import hypothesis
import jaxtyping
import pyro
import pytest
import torch

from tests import _typechecker

if "bayes_mtl" in sys.modules:
    raise pytest.UsageError(
        "bayes_mtl was imported before tests/conftest.py, so its shapes would go unchecked. "
        "Find what imports it so early (a plugin, a -p option)."
    )
# Stays for the whole run, in each worker of xdist, since every worker loads this file first.
jaxtyping.install_import_hook("bayes_mtl", f"{_typechecker.__name__}.check")

ROOT = Path(__file__).resolve().parent.parent

# Figures are drawn without a screen.
os.environ.setdefault("MPLBACKEND", "Agg")

# Workers share the cores, and a second thread makes small tensor operations slower.
torch.set_num_threads(1)

# The same examples in every run; the time of a first call says nothing.
hypothesis.settings.register_profile("repeatable", derandomize=True, deadline=None, print_blob=True)
hypothesis.settings.load_profile("repeatable")


def pytest_report_header() -> str:
    """What to set so that the same part of the tests of `crossed` runs again."""
    return f"BAYES_MTL_TURN={os.environ.get('BAYES_MTL_TURN', '0')}"


@pytest.fixture(autouse=True)
def _fresh_start() -> Iterator[None]:
    """Each test starts from the same random state and leaves no Pyro parameters behind."""
    pyro.set_rng_seed(0)
    yield
    pyro.clear_param_store()


@pytest.fixture(autouse=True)
def _uncompiled(monkeypatch: pytest.MonkeyPatch) -> None:
    """Fits of the tests compile where they ask for it, not by the rule: it takes half a minute each."""
    for rule in ("_steps", "_nuts"):
        monkeypatch.setattr(f"bayes_mtl.inference.{rule}._WORTH_COMPILING", float("inf"))


@pytest.fixture
def captured(monkeypatch: pytest.MonkeyPatch) -> None:
    """Fits with ``compile=True`` run the captured step as it is: quicker than operation by operation.

    The machine code, which takes half a minute to make, is compared with it in test_compiled_steps.
    """
    monkeypatch.setattr("bayes_mtl.inference._compiled_step.compile_graph", lambda graph, inputs: graph)


@pytest.fixture(scope="session")
def device() -> torch.device:
    """Device of the tests that take one: BAYES_MTL_DEVICE, the CPU by default."""
    return torch.device(os.environ.get("BAYES_MTL_DEVICE", "cpu"))


@pytest.fixture(scope="session")
def data_dir() -> Path:
    """Folder of the real data sets: BAYES_MTL_DATA, by default shared/data beside the project."""
    folder = Path(os.environ.get("BAYES_MTL_DATA", ROOT.parent / "shared" / "data"))
    if not folder.is_dir():
        pytest.skip("no real data sets here; BAYES_MTL_DATA names their folder")
    return folder


@pytest.fixture
def unchecked() -> Iterator[None]:
    """Type checks off, for a test of the library's own error on an argument of the wrong kind."""
    jaxtyping.config.update("jaxtyping_disable", True)
    yield
    jaxtyping.config.update("jaxtyping_disable", False)
