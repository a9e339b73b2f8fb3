"""The log-density of a Pyro program on one flat vector of unconstrained numbers."""

import math
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from threading import Lock
from typing import Any

import numpy as np
import pyro
import torch
from pyro import poutine
from pyro.poutine.util import site_is_subsample
from torch import Tensor
from torch.fx import GraphModule
from torch.fx.experimental.proxy_tensor import make_fx

from bayes_mtl._errors import UnsupportedError
from bayes_mtl._hidden import hidden
from bayes_mtl.inference._compile import compile_graph, constants_as_inputs
from bayes_mtl.inference._known_masks import positions_for_masks
from bayes_mtl.inference._singular import SINGULAR
from bayes_mtl.inference._sites import latent_sites
from bayes_mtl.inference._small_algebra import SMALL_ALGEBRA
from bayes_mtl.inference._without_waits import nan_for_errors


class Potential:
    """Log-density of ``program(*arguments)``, Jacobians included, as a function of a flat vector.

    Parameters
    ----------
    program, arguments
        Any Pyro program without discrete latent sites.
    values
        Starting values by site.
    """

    def __init__(
        self,
        program: Callable[..., Any],
        arguments: tuple[Any, ...] = (),
        values: Mapping[str, Tensor] | None = None,
    ) -> None:
        self.program, self.arguments = program, arguments
        self._run: Callable[[Tensor], Sequence[Tensor]] = self._value_and_gradient
        # Pyro's stack of handlers is one for all threads, and chains run in threads.
        self._lock: AbstractContextManager[Any] = Lock()
        self.sites = latent_sites(program, arguments, values or {})
        self.start = torch.cat([site.start.reshape(-1).double() for site in self.sites])

    def __len__(self) -> int:
        return self.start.shape[0]

    def unpack(self, flat: Tensor) -> tuple[dict[str, Tensor], Tensor]:
        """Values of all sites and the summed log-Jacobian at ``flat [..., size]``.

        With leading axes a site comes as ``[..., tasks or 1, *event]``.
        """
        values, total, at = {}, flat.new_zeros(flat.shape[:-1]), 0
        for site in self.sites:
            part = flat[..., at : at + site.count]
            at += site.count
            if site.plate:
                part = part.reshape(*part.shape[:-1], site.plate[1], site.size)
            elif flat.dim() > 1:
                part = part.unsqueeze(-2)
            value, jacobian = site.constrain(part)
            values[site.name] = value
            total = total + (jacobian.sum(-1) if site.plate or flat.dim() > 1 else jacobian)
        return values, total

    def log_density(self, flat: Tensor) -> Tensor:
        """Log-density at ``flat [size]``, or at ``[draws, size]`` for all draws at once."""
        values, jacobian = self.unpack(flat)
        with hidden():
            if flat.dim() == 1:
                trace = poutine.trace(poutine.condition(self.program, data=values)).get_trace(*self.arguments)
                return trace.log_prob_sum() + jacobian
            with pyro.plate("draws", flat.shape[0], dim=-2):
                trace = poutine.trace(poutine.condition(self.program, data=values)).get_trace(*self.arguments)
        trace.compute_log_prob()
        terms = [site["log_prob"] for site in trace.nodes.values() if _counts(site)]
        return sum((term.expand(flat.shape[0], -1).sum(-1) for term in terms if term.dim() == 2), jacobian)

    def compile(self) -> None:
        """Have `value_and_gradient` run machine code of the log-density and its gradient.

        Raises
        ------
        UnsupportedError
            Where the program cannot be captured or compiled: the reason.
        """
        with torch.random.fork_rng():
            graph: GraphModule = make_fx(
                lambda flat: self._value_and_gradient(flat), decomposition_table=SMALL_ALGEBRA
            )(self.start.clone())
        positions_for_masks(graph)
        nan_for_errors(graph)
        constants = constants_as_inputs(graph)
        compiled = compile_graph(graph, [self.start, *constants])
        elsewhere = self.start + 0.01
        pairs = zip(compiled(elsewhere, *constants), self._value_and_gradient(elsewhere), strict=True)
        # The same operations in float64, sums in another order: of targets 10^5 noise scales wide, where
        # squares of 10^11 nearly cancel, 10^-4 was seen.
        if not all(torch.allclose(a, b, rtol=1e-6, atol=1e-3) for a, b in pairs):
            raise UnsupportedError("the captured log-density is another one elsewhere; the program branches")
        self._run = lambda flat: compiled(flat, *constants)
        self._lock = nullcontext()  # machine code has no such stack, and lets other chains run beside it

    def value_and_gradient(self, point: np.ndarray) -> tuple[float, np.ndarray]:
        """Log-density and its gradient at a numpy vector (what samplers and optimisers call).

        Far out a covariance may be singular to machine precision: such a point has density zero, which
        is a divergence to a sampler and too long a step to an optimiser.
        """
        flat = torch.from_numpy(np.ascontiguousarray(point, dtype=np.float64))
        try:
            with self._lock:
                value, gradient = self._run(flat)
        except RuntimeError as error:
            # Compiled code hands the error of a singular matrix on by its words alone.
            if not isinstance(error, SINGULAR) and not str(error).startswith("linalg."):
                raise
            return -math.inf, np.zeros(len(point))
        found = float(value)
        if math.isnan(found):  # in compiled code a singular matrix has no factor, in place of an error
            return -math.inf, np.zeros(len(point))
        return found, gradient.numpy()

    def _value_and_gradient(self, flat: Tensor) -> Sequence[Tensor]:
        leaf = flat.detach().requires_grad_()
        value = self.log_density(leaf)
        (gradient,) = torch.autograd.grad(value, leaf)
        return value.detach(), gradient


def _counts(site: Mapping[str, Any]) -> bool:
    return site["type"] == "sample" and not site_is_subsample(site)
