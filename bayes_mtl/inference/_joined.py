"""One of the processes that a launcher has started, connected to the others by Lightning Fabric."""

import logging
import os
from typing import TYPE_CHECKING

import torch

from bayes_mtl._errors import InputError, UnsupportedError, message
from bayes_mtl.inference._processes import Processes

if TYPE_CHECKING:
    from bayes_mtl.inference._svi import SVI


def launched() -> bool:
    """Whether a launcher (torchrun, Slurm, LSF, Fabric) has started this process beside others.

    Raises
    ------
    UnsupportedError
        Without Lightning Fabric.
    """
    try:
        from lightning_fabric.plugins.environments.lsf import LSFEnvironment
        from lightning_fabric.plugins.environments.slurm import SLURMEnvironment
        from lightning_fabric.plugins.environments.torchelastic import TorchElasticEnvironment
    except ImportError as error:
        raise UnsupportedError(
            "SVI with several devices needs Lightning Fabric, which is not installed. "
            "pip install 'bayes_mtl[distributed]'"
        ) from error
    managed = (TorchElasticEnvironment, SLURMEnvironment, LSFEnvironment)
    return "LOCAL_RANK" in os.environ or any(environment.detect() for environment in managed)


def joined(svi: "SVI") -> Processes:
    """All processes of a fit, in one that was launched.

    Raises
    ------
    InputError
        Where there are not ``devices`` times ``num_nodes`` of them, or not so many GPUs.
    """
    from lightning_fabric import Fabric

    number = svi.devices * svi.num_nodes
    found = int(os.environ.get("WORLD_SIZE", number))
    if found != number:
        raise InputError(
            message(
                "devices, num_nodes",
                f"{found} processes in all, as many as were started",
                f"{svi.devices} x {svi.num_nodes}",
                f"Start them with torchrun --nnodes={svi.num_nodes} --nproc-per-node={svi.devices}.",
            )
        )
    logging.getLogger("lightning_fabric").setLevel(logging.WARNING)  # it greets from every process
    fabric = Fabric(accelerator=_kind(svi), devices=svi.devices, num_nodes=svi.num_nodes, strategy="ddp")
    fabric.launch()
    return Processes(fabric)


def _kind(svi: "SVI") -> str:
    """Fabric's name for the devices; ``auto`` takes GPUs where a machine has as many."""
    gpus = torch.cuda.device_count() if torch.cuda.is_available() else 0
    if svi.device == "auto":
        return "cuda" if gpus >= svi.devices else "cpu"
    if svi.device not in ("cpu", "cuda"):
        expected = "'auto', 'cpu' or 'cuda' with several devices"
        raise InputError(message("device", expected, repr(svi.device), "Each process gets one of its own."))
    if svi.device == "cuda" and gpus < svi.devices:
        raise InputError(message("devices", "as many GPUs in a machine", f"{gpus} GPUs", "Lower devices."))
    return svi.device
