"""A side of the benchmarks of chains and of time to quality: one method in a process of its own."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks._peers import FOLDER, peers_python

HERE = Path(__file__).parent


def chained(path: Path, method: str, limit: float | None = None, **settings: Any) -> dict[str, np.ndarray]:
    """Draws and record of ``method``, with another library's name before it, on the data in ``path``.

    Raises
    ------
    subprocess.TimeoutExpired
        After ``limit`` seconds.
    """
    library, _, own = method.rpartition(" ")
    out = FOLDER / f"{path.stem}_out.npz"
    text = json.dumps({"method": own, **settings})
    command = [sys.executable, "-m", "benchmarks._chains_ours", str(path), str(out), text]
    if library in ("NumPyro", "PyMC"):
        script = HERE / f"_chains_{library.lower()}.py"
        command = [str(peers_python()), str(script), str(path), str(out), text]
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "JAX_PLATFORMS": "cpu"}
    subprocess.run(command, check=True, env=environment, timeout=limit)
    return dict(np.load(out))
