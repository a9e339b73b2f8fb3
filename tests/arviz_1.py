"""Finds a Python with ArviZ 1.x, which needs Python 3.12, or makes one in build/arviz1.

``python -m tests.arviz_1`` does so beforehand, and never fails: without one, a test is skipped.
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path

CACHE = Path(__file__).resolve().parent.parent / "build" / "arviz1"
CACHED = CACHE / "bin" / "python"
NEEDED = """
import importlib.metadata, sys
sys.exit(sys.version_info < (3, 12) or int(importlib.metadata.version("arviz").split(".")[0]) < 1)
"""


def has_arviz_1(python: Path | str) -> bool:
    try:
        return subprocess.run([python, "-c", NEEDED], capture_output=True, timeout=120).returncode == 0
    except (OSError, subprocess.TimeoutExpired):
        return False


def interpreters() -> list[Path]:
    """Pythons from 3.12 on that ArviZ 1.x could be installed for."""
    names = ("python3.13", "python3.12")
    found = [Path(path) for name in names if (path := shutil.which(name))]
    folder = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv")) / "versions"
    for name in ("3.13", "3.12"):
        found += sorted(folder.glob(f"{name}.*/bin/python"), reverse=True)
    return found


def install(python: Path) -> str | None:
    """Make the cached environment; the reason where that fails.

    It is built aside and then moved, so that two workers do not write into one another's.
    """
    aside = CACHE.with_name(f"arviz1-{os.getpid()}")
    # This Python's pip, since a copy of pip takes as long to make as many a package.
    pip = [sys.executable, "-m", "pip", "--python", aside / "bin" / "python"]
    commands = [
        [python, "-m", "venv", "--without-pip", aside],
        [*pip, "install", "-qq", "--no-compile", "arviz>=1"],
    ]
    try:
        for command in commands:
            result = subprocess.run(command, capture_output=True, text=True, timeout=400)
            if result.returncode:
                return (result.stderr.strip().splitlines() or ["no message"])[-1]
        if not has_arviz_1(CACHED):
            shutil.rmtree(CACHE, ignore_errors=True)
            aside.rename(CACHE)
    except (OSError, subprocess.TimeoutExpired) as error:
        return str(error)
    finally:
        shutil.rmtree(aside, ignore_errors=True)
    return None


def cached() -> tuple[str | None, str]:
    """The Python of the cached environment, made where there is none; and else why there is none."""
    if has_arviz_1(CACHED):
        return str(CACHED), ""
    reason = "none was found"
    for candidate in interpreters():
        reason = install(candidate) or ""
        if has_arviz_1(CACHED):
            return str(CACHED), ""
    return None, reason


if __name__ == "__main__":
    if not os.environ.get("BAYES_MTL_ARVIZ1_PYTHON"):
        print("ArviZ 1.x:", *cached())
