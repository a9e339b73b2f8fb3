"""Hamiltonian Monte Carlo: nutpie driving the model's own potential."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import torch
from torch import Tensor

from bayes_mtl._errors import InputError, message
from bayes_mtl.data import TaskData
from bayes_mtl.inference._abstract_inference import AbstractInference
from bayes_mtl.inference._compile import compile_or_warn
from bayes_mtl.inference._hyper import LatentDraws
from bayes_mtl.inference._potential import Potential
from bayes_mtl.inference._whole_model import sample_whole
from bayes_mtl.model import MultiTaskModel
from bayes_mtl.posterior import Posterior

_WORTH_COMPILING = 2_000
"""Iterations of all chains; each takes a dozen evaluations."""

_WORTH_A_CORE = 2e-4
"""Seconds of an evaluation from which chains run beside each other: below, they wait for Python's lock."""


@dataclass(frozen=True)
class NUTS(AbstractInference):
    """No-U-turn sampling: chains that converge to the exact posterior.

    Parameters
    ----------
    draws
        Draws a chain, after warm-up.
    warmup
        Warm-up iterations a chain.
    chains
        Number of chains.
    target_accept
        Acceptance rate to which the step size adapts; raise it where there are divergences.
    compile
        True compiles the log-density and its gradient into machine code (about half a minute once for a
        model and its sizes, then from the compiler's cache; each evaluation then costs a small part),
        False does not, ``"auto"`` does from 2,000 iterations of all chains on.
    progress
        Whether to show a progress bar. An interrupt after the warm-up keeps the draws so far.

    References
    ----------
    Hoffman and Gelman (JMLR 2014); the sampler is nutpie's.
    """

    draws: int = 500
    warmup: int = 500
    chains: int = 4
    target_accept: float = 0.9
    compile: bool | Literal["auto"] = "auto"
    progress: bool = True

    def __post_init__(self) -> None:
        for name in ("draws", "warmup", "chains"):
            if getattr(self, name) < 1:
                raise InputError(message(name, "at least 1", getattr(self, name), "Raise it."))
        if self.compile not in (True, False, "auto"):
            raise InputError(message("compile", "True, False or 'auto'", repr(self.compile), "Leave it out."))
        if not 0.0 < self.target_accept < 1.0:
            raise InputError(message("target_accept", "between 0 and 1", self.target_accept, "Try 0.9."))

    def run(self, model: MultiTaskModel, data: TaskData, *, seed: int = 0) -> Posterior:
        return sample_whole("NUTS", self.described(), self.sample, model, data, seed)

    @property
    def _iterations(self) -> int:
        return self.chains * (self.draws + self.warmup)

    def sample(
        self, program: Callable[..., Any], arguments: tuple[Any, ...], values: Mapping[str, Tensor]
    ) -> LatentDraws:
        """Chains on any program without discrete sites; the seed comes from torch's random state."""
        import nutpie
        from nutpie.compiled_pyfunc import from_pyfunc

        potential = Potential(program, arguments, values)
        size, start = len(potential), potential.start.numpy()
        if self.compile is True or (self.compile == "auto" and self._iterations >= _WORTH_COMPILING):
            compile_or_warn(potential.compile, "NUTS")

        def make_density() -> Callable[[np.ndarray], tuple[float, np.ndarray]]:
            return potential.value_and_gradient

        def make_expand(*_: Any) -> Callable[[np.ndarray], dict[str, np.ndarray]]:
            return lambda point: {"point": np.asarray(point, dtype=np.float64)}

        def make_start(seed: Any) -> np.ndarray:
            return start + 0.1 * np.random.default_rng(seed).uniform(-1.0, 1.0, size)

        compiled = from_pyfunc(
            size, make_density, make_expand, [np.dtype(np.float64)], [(size,)], ["point"],
            make_initial_point_fn=make_start,
        )  # fmt: skip
        result = nutpie.sample(
            compiled,
            draws=self.draws,
            tune=self.warmup,
            chains=self.chains,
            cores=self.chains if _seconds(potential) > _WORTH_A_CORE else 1,
            seed=int(torch.randint(2**31, ()).item()),
            save_warmup=False,
            progress_bar=self.progress,
            target_accept=self.target_accept,
        )
        points, diverged = np.asarray(result["posterior"]["point"]), result["sample_stats"]["diverging"]
        chains, number = complete(points)
        kept = points[chains, :number]
        with torch.no_grad():
            draws, _ = potential.unpack(torch.as_tensor(kept.reshape(-1, size)))
        return LatentDraws(
            dict(draws),
            stopped="finished" if kept.shape == (self.chains, self.draws, size) else "interrupted",
            chains=len(chains),
            divergences=int(np.asarray(diverged)[chains, :number].sum()),
        )


def complete(points: np.ndarray) -> tuple[np.ndarray, int]:
    """Chains of ``[chains, draws, size]`` and the draws of each that are more in all than of other chains.

    An interrupt leaves chains of different lengths, filled up with NaN.

    Raises
    ------
    KeyboardInterrupt
        Where it came before the first draw.
    """
    lengths = np.isfinite(points).all(-1).cumprod(-1).sum(-1)
    longest = np.argsort(-lengths, kind="stable")
    total = lengths[longest] * np.arange(1, len(longest) + 1)
    best = int(total.argmax())
    if not total[best]:
        raise KeyboardInterrupt
    return np.sort(longest[: best + 1]), int(lengths[longest[best]])


def _seconds(potential: Potential) -> float:
    """Of an evaluation; how the chains share the cores makes no difference to their draws."""
    point = potential.start.numpy()
    potential.value_and_gradient(point)
    began = time.perf_counter()
    for _ in range(10):
        potential.value_and_gradient(point)
    return (time.perf_counter() - began) / 10
