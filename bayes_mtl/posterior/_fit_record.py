"""What happened during a fit."""

import platform
from dataclasses import dataclass, field
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from typing import Any

import numpy as np


def _versions() -> dict[str, str]:
    packages = ("bayes-mtl", "torch", "pyro-ppl", "numpy")
    return {"python": platform.python_version(), **{name: _version(name) for name in packages}}


@cache
def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "unknown"


@dataclass(frozen=True, eq=False)
class FitRecord:
    """Record of a fit.

    Attributes
    ----------
    method
        Name of the inference.
    settings
        Its settings, as text by name.
    seed, device, seconds
        Seed, device, and wall-clock seconds of the fit.
    losses
        ``[steps]``: negative ELBO (or negative log-density) at every step; empty for chains.
    stopped
        Why it stopped.
    observations
        Number of observations it was fitted on.
    log_weights
        ``[draws]``: log of posterior density over guide density at the draws, up to a constant; None for
        exact draws and for chains.
    chains
        Number of chains that the draws come from, in order, equally long.
    divergences
        Number of divergent transitions after warm-up.
    held_out
        ``[evaluations]``: mean log predictive density of held-out data; empty where there are none.
    gradient
        Of a training by stochastic steps: ``signal`` (to noise) and ``cost`` (of the noise, nats) of its
        gradient at the end; empty where they were not measured.
    versions
        Of Python and of the packages the numbers depend on.
    """

    method: str
    settings: dict[str, str]
    seed: int
    device: str
    seconds: float
    losses: np.ndarray = field(default_factory=lambda: np.empty(0))
    stopped: str = "finished"
    observations: int = 0
    log_weights: np.ndarray | None = None
    chains: int = 1
    divergences: int = 0
    held_out: np.ndarray = field(default_factory=lambda: np.empty(0))
    gradient: dict[str, float] = field(default_factory=dict)
    versions: dict[str, str] = field(default_factory=_versions)

    def __post_init__(self) -> None:
        # of numpy, as a range of seeds gives it, it could not be written to a file
        object.__setattr__(self, "seed", int(self.seed))

    def to_dict(self) -> dict[str, Any]:
        """JSON-able part (arrays by step or draw left out)."""
        skip = ("losses", "log_weights")
        found = {name: value for name, value in self.__dict__.items() if name not in skip}
        return {**found, "held_out": self.held_out.tolist()}
