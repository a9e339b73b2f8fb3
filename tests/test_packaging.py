"""What is built, and what says which version and which dependencies it is built for."""

import importlib.metadata
import re
import subprocess
import sys
import tarfile
import tomllib
import zipfile
from pathlib import Path

import pytest
import yaml

import bayes_mtl

ROOT = Path(__file__).resolve().parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
VERSION = re.compile(r"\d+\.\d+\.\d+((a|b|rc)\d+)?")  # what semantic versioning and PEP 440 both allow


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> dict[str, set[str]]:
    """Names of the files in the wheel and in the source distribution."""
    folder = tmp_path_factory.mktemp("dist")
    command = [sys.executable, "-m", "hatchling", "build", "-d", str(folder)]
    ended = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120)
    assert ended.returncode == 0, ended.stderr
    (wheel,) = folder.glob("*.whl")
    (source,) = folder.glob("*.tar.gz")
    with zipfile.ZipFile(wheel) as opened, tarfile.open(source) as unpacked:
        stripped = {name.split("/", 1)[1] for name in unpacked.getnames()}
        return {"wheel": set(opened.namelist()), "source": stripped}


def test_wheel_and_source_hold_the_whole_package(built: dict[str, set[str]]) -> None:
    files = {str(path.relative_to(ROOT)) for path in (ROOT / "bayes_mtl").rglob("*.py")}
    files.add("bayes_mtl/py.typed")
    assert files <= built["wheel"]
    assert (
        files | {"pyproject.toml", "README.md", "LICENSE", "CHANGELOG.md", "CITATION.cff"} <= built["source"]
    )


def test_the_wheel_holds_nothing_else(built: dict[str, set[str]]) -> None:
    tops = {name.split("/", 1)[0] for name in built["wheel"]}
    assert tops == {"bayes_mtl", f"bayes_mtl-{PROJECT['version']}.dist-info"}


def test_one_version_everywhere() -> None:
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    assert VERSION.fullmatch(PROJECT["version"])
    assert bayes_mtl.__version__ == PROJECT["version"] == citation["version"]
    assert importlib.metadata.version("bayes_mtl") == PROJECT["version"]
    changes = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    first = re.search(r"^## \[(?:Unreleased\] - )?(\d[^\]\s]*)", changes, re.MULTILINE)
    assert first is not None and first[1] == PROJECT["version"]


def test_the_lowest_versions_are_the_bounds() -> None:
    bounds = dict(re.split(r">=", line) for line in PROJECT["dependencies"])
    lines = (ROOT / "constraints-lowest.txt").read_text(encoding="utf-8").splitlines()
    lowest = dict(line.split("==") for line in lines if line and not line.startswith("#"))
    assert lowest.keys() == bounds.keys()
    assert {name: (version + ".0.0").split(".")[:3] for name, version in bounds.items()} == {
        name: version.split(".")[:3] for name, version in lowest.items()
    }


def test_what_is_pinned_is_within_the_bounds() -> None:
    """Each direct dependency is pinned, at a version that is not below its bound."""
    pins = dict(
        line.lower().split("==")
        for line in (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
        if line and not line.startswith("#")
    )
    for line in PROJECT["dependencies"]:
        name, bound = line.split(">=")
        found = [int(part) for part in re.findall(r"\d+", pins[name])[:3]]
        assert found >= [int(part) for part in bound.split(".")], line
