"""Other libraries to compare with, in an environment of their own: ``build/peers/.venv``."""

import subprocess
import sys
from pathlib import Path

from benchmarks._report import ROOT

FOLDER = ROOT / "build" / "peers"


def peers_python() -> Path:
    """The Python of that environment, which is made at the first call and when its pins have changed."""
    pins = Path(__file__).with_name("peers.txt")
    environment, ready = FOLDER / ".venv", FOLDER / "installed.txt"
    python = environment / "bin" / "python"
    if not ready.exists() or ready.read_text() != pins.read_text():
        print(f"installing {pins.name} into {environment.relative_to(ROOT)}", flush=True)
        subprocess.run([sys.executable, "-m", "venv", str(environment)], check=True)
        command = [str(python), "-m", "pip", "install", "--quiet", "--requirement", str(pins)]
        subprocess.run(command, check=True, stderr=subprocess.DEVNULL)
        ready.write_text(pins.read_text())
    return python
