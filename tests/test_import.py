"""``import bayes_mtl`` costs little over torch and pyro."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent

HEAVY = ["arviz", "formulaic", "matplotlib", "nutpie", "pandas", "scipy.stats", "sklearn", "sympy", "xarray"]
LIST_MODULES = "import sys, json, {package}; print(json.dumps(sorted(sys.modules)))"


def modules_after_importing(package: str) -> set[str]:
    command = [sys.executable, "-W", "error", "-c", LIST_MODULES.format(package=package)]
    result = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120)
    assert result.returncode == 0, result.stderr
    return set(json.loads(result.stdout))


@pytest.fixture(scope="module")
def modules() -> set[str]:
    return modules_after_importing("bayes_mtl")


@pytest.mark.parametrize("name", HEAVY)
def test_heavy_packages_wait_until_they_are_used(modules: set[str], name: str) -> None:
    assert name not in modules


def test_the_check_sees_what_is_imported(modules: set[str]) -> None:
    assert {"bayes_mtl._errors", "torch", "pyro"} <= modules
    assert "pandas" in modules_after_importing("pandas")
