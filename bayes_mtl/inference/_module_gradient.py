"""The gradient of a step with a rule for the network's parameters."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from typing import Any

import pyro
import torch
from pyro import poutine
from pyro.poutine import Trace
from torch import Tensor, nn
from torch.func import functional_call

from bayes_mtl._errors import UnsupportedError
from bayes_mtl._hidden import hidden
from bayes_mtl.inference._abstract_module_gradient import AbstractModuleGradient
from bayes_mtl.inference._elbo import elbo_traces, negative_elbo
from bayes_mtl.inference._evaluation import Evaluation
from bayes_mtl.inference._tasks import Tasks
from bayes_mtl.model import Program


class ModuleGradient:
    """Loss of a batch; the ELBO's gradient for all parameters but the network's, and the rule's for these.

    The graph is cut at the network's output, so there is one pass backward through the rest of the model,
    and through the network as many as the rule wants.

    Parameters
    ----------
    program, guide, particles
        As for `EagerStep`; the guide's draws are reparameterised.
    network
        Of the program.
    rule, memory, tasks
        The rule, what it keeps, and what it was told.
    """

    def __init__(
        self,
        program: Program,
        guide: Callable[..., Any],
        particles: int,
        network: nn.Module,
        rule: AbstractModuleGradient,
        memory: nn.Module | None,
        tasks: Tasks,
    ) -> None:
        self._program, self._guide, self._particles = program, guide, particles
        self._network, self._rule, self._memory, self._tasks = network, rule, memory, tasks

    def __call__(
        self, arguments: tuple[Any, ...], leaves: list[Tensor]
    ) -> tuple[Tensor, list[Tensor | None]]:
        """Loss, and its gradient by each of ``leaves``, which stand in the modules."""
        calls: list[tuple[Tensor, Tensor]] = []

        def program(*arguments: Any) -> Any:
            with _cut(self._program.seam, calls):
                return self._program(*arguments)

        model_trace, guide_trace = elbo_traces(program, self._guide, arguments, self._particles)
        loss = negative_elbo(model_trace, guide_trace, self._particles)
        if len(calls) != 1:
            raise UnsupportedError(f"the program ran {len(calls)} times in a step, and not once")
        ((features, cut),) = calls
        at_features, *direct = torch.autograd.grad(loss, [cut, *leaves], retain_graph=True, allow_unused=True)
        found: dict[int, Tensor | None] = dict(zip(map(id, leaves), direct, strict=True))
        own = tuple(value for value in self._network.parameters() if id(value) in found)
        others = [value for value in leaves if all(value is not p for p in own)]
        # Random weights inside of the network belong to the guide: what reaches them is the ELBO's gradient.
        if others and features.requires_grad:
            through = torch.autograd.grad(features, others, at_features, retain_graph=True, allow_unused=True)
            _add(found, others, through)
        (batch,) = arguments
        evaluation = Evaluation(
            batch=batch,
            parameters=own,
            features=features,
            gradient=at_features,
            nll=self._nll(model_trace).detach(),
            discrete=self._tasks.discrete,
            at=lambda values: self._nll(self._again(arguments, guide_trace, own, values)),
        )
        _add(found, own, self._rule.gradients(evaluation, self._memory))
        return loss.detach(), [found[id(leaf)] for leaf in leaves]

    def _nll(self, trace: Trace) -> Tensor:
        """``[observations]``: negative log-likelihood, mean over particles."""
        site = trace.nodes["y"]
        log = site["fn"].log_prob(site["value"])
        return -log.reshape(-1, log.shape[-1]).mean(0)

    def _again(
        self, arguments: tuple[Any, ...], drawn: Trace, own: Sequence[Tensor], values: Sequence[Tensor]
    ) -> Trace:
        """The program's trace at the same draws, with ``values`` in place of the network's parameters."""
        places = {id(value): value_ for value, value_ in zip(own, values, strict=True)}
        named = {
            f"network.{name}": places[id(value)]
            for name, value in self._network.named_parameters()
            if id(value) in places
        }
        # as Pyro runs the program: the draws on an axis left of the observations'
        several = pyro.plate("num_particles_vectorized", self._particles, dim=-2)
        with hidden(), several if self._particles > 1 else nullcontext():
            replayed = poutine.replay(
                lambda *given: functional_call(self._program, named, given), trace=drawn
            )
            return poutine.trace(replayed).get_trace(*arguments)


@contextmanager
def _cut(seam: nn.Module, calls: list[tuple[Tensor, Tensor]]) -> Iterator[None]:
    """Hand the features on without their graph; ``calls`` gets them with and without."""

    def hook(module: nn.Module, arguments: Any, output: Tensor) -> Tensor:
        cut = output.detach().requires_grad_()
        calls.append((output, cut))
        return cut

    handle = seam.register_forward_hook(hook)
    try:
        yield
    finally:
        handle.remove()


def _add(found: dict[int, Tensor | None], leaves: Sequence[Tensor], more: Sequence[Tensor | None]) -> None:
    """Add gradients to those that were found."""
    for leaf, value in zip(leaves, more, strict=True):
        before = found[id(leaf)]
        if value is not None:
            found[id(leaf)] = value if before is None else before + value
