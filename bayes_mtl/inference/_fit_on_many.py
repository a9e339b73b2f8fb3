"""A fit by several processes: those that a launcher has started, or that are started here."""

import multiprocessing
import os
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import torch

from bayes_mtl._errors import InputError, UnsupportedError, message
from bayes_mtl.data import TaskData
from bayes_mtl.data._dataset_rows import is_stored
from bayes_mtl.inference._joined import joined, launched
from bayes_mtl.inference._spawned import run_spawned
from bayes_mtl.inference._svi_fit import fit_by_svi
from bayes_mtl.model import MultiTaskModel
from bayes_mtl.posterior import Posterior, load

if TYPE_CHECKING:
    from bayes_mtl.inference._svi import SVI

_LAUNCH = "Start the script with torchrun: 'torchrun --nnodes={} --nproc-per-node={} script.py'."


def fit_on_many(svi: "SVI", model: MultiTaskModel, data: TaskData, seed: int) -> Posterior:
    """Fit with a process for each device; under a launcher (torchrun, Slurm) this is one of them.

    Raises
    ------
    InputError, UnsupportedError
        Where the processes cannot be started or do not finish: how to launch them.
    """
    if launched():
        return fit_by_svi(svi, model, data, seed, joined(svi))
    how = _LAUNCH.format(svi.num_nodes, svi.devices)
    if svi.num_nodes > 1:
        raise InputError(message("num_nodes", "1 without a launcher", svi.num_nodes, how))
    if is_stored(data.x):
        expected = "data in memory, which are sent to the processes that are started here"
        raise UnsupportedError(message("data", expected, "rows outside of memory", how))
    if getattr(multiprocessing.current_process(), "_inheriting", False):
        raise UnsupportedError(
            "SVI(devices=...) was reached while a process that it had started was importing your script. "
            f"Put the fit under \"if __name__ == '__main__':\". {how}"
        )
    with TemporaryDirectory() as folder:
        path = Path(folder) / "posterior"
        from lightning_fabric.plugins.environments.lightning import find_free_network_port

        arguments = (svi, model, data, seed, find_free_network_port(), path)
        try:
            run_spawned(process_of_fit, arguments, svi.devices)
        except Exception as error:
            reason = (str(error).strip() or repr(error)).splitlines()[-1]
            raise UnsupportedError(
                f"The processes that SVI(devices={svi.devices}) started did not finish ({reason}). In a "
                "script, put the fit under \"if __name__ == '__main__':\"; in a notebook, keep your own "
                f"classes and functions in a module that can be imported. {how}"
            ) from error
        return load(path, model)


def process_of_fit(
    rank: int, svi: "SVI", model: MultiTaskModel, data: TaskData, seed: int, port: int, path: Path
) -> None:
    """What each of the started processes does; the first writes the posterior."""
    os.environ.update(LOCAL_RANK=str(rank), MASTER_ADDR="127.0.0.1", MASTER_PORT=str(port))
    torch.set_num_threads(max(1, torch.get_num_threads() // svi.devices))
    posterior = fit_by_svi(svi, model, data, seed, joined(svi))
    if rank == 0:
        posterior.save(path)
