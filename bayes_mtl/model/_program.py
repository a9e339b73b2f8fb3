"""The one place that writes the Pyro program of a multi-task model."""

from collections.abc import Callable, Sequence
from contextlib import nullcontext
from dataclasses import replace
from typing import Any

import pyro
import torch
from pyro import poutine
from pyro.contrib.autoname import scope
from pyro.distributions import Distribution
from pyro.nn import PyroModule
from torch import Tensor, nn

from bayes_mtl._shapes import Dims, gather_tasks
from bayes_mtl.data import Batch, Scaling, Schema, TaskData, full_batch
from bayes_mtl.likelihoods import AbstractLikelihood
from bayes_mtl.model._features import design, drawn_design, rows_of, training_design
from bayes_mtl.model._task_scale import task_scale
from bayes_mtl.model._weighted import weighted, weighted_in_turn
from bayes_mtl.networks import AbstractRandomNetwork
from bayes_mtl.priors import AbstractTaskPrior


class Program(PyroModule):
    """Pyro program of one model for one data set: call it with a `Batch`.

    Made by `MultiTaskModel.program`. It holds names and scaling of the data, and no rows.

    Attributes
    ----------
    kinds
        Named groups of tasks between which weights are shared; one unnamed group but for `Mixed`.
    task_features
        ``[tasks, task features]`` of the fitted tasks, standardised, or None.
    seam
        Through it the features come from the network to the tasks' weights: a place for hooks.
    offset
        Whether the fitted observations had one.
    precision
        In which a network multiplies matrices while it is trained; None as everything else.
    """

    precision: torch.dtype | None = None

    def __init__(
        self,
        prior: AbstractTaskPrior,
        likelihood: AbstractLikelihood,
        network: nn.Module | None,
        fixed: Distribution,
        schema: Schema,
        scaling: Scaling,
        kinds: Sequence[tuple[str, Sequence[int]]],
        used_outputs: Tensor,
        task_features: Tensor | None = None,
        seen: Tensor | None = None,
        offset: bool = False,
    ) -> None:
        super().__init__()
        self.prior, self.likelihood, self.fixed_prior = prior, likelihood, fixed
        self.schema, self.scaling, self.network, self.offset = schema, scaling, network, offset
        self.kinds = tuple((name, tuple(int(t) for t in tasks)) for name, tasks in kinds)
        self.seam = nn.Identity()
        self.outputs = int(used_outputs.max())
        self.register_buffer("task_features", task_features, persistent=False)
        self.register_buffer("used", torch.arange(self.outputs) < used_outputs[:, None], persistent=False)
        self.states, states = nn.ModuleList(), []
        for name, tasks in self.kinds:
            own = None if seen is None else seen[list(tasks)]
            states.append(prior.state(replace(self.dims(task_features, tasks, name), seen=own)))
        self.states.extend(state for state in states if state is not None)

    @property
    def features(self) -> tuple[str, ...]:
        """Names of what carries a weight in every task, the intercept first."""
        if self.network is None:
            return self.schema.weights
        width: Any = self.network.out_features
        names = tuple(f"h{i}" for i in range(width))
        return ("Intercept", *names) if self.schema.intercept else names

    def dims(
        self, task_features: Tensor | None = None, tasks: Sequence[int] | None = None, kind: str = ""
    ) -> Dims:
        """Sizes of the prior's program for all tasks, or for those of one kind.

        ``task_features`` are ``[tasks, features]``.
        """
        number = len(self.schema.tasks) if tasks is None else len(tasks)
        if task_features is not None and tasks is not None:
            task_features = task_features[torch.as_tensor(tasks, device=task_features.device)]
        names = self.schema.groups if self.network is None else ()
        order = {name: i for i, name in enumerate(dict.fromkeys(names))}
        groups = tuple(order[name] for name in names)
        if groups and self.schema.intercept:
            groups = (len(order), *groups)
        return Dims(
            tasks=number,
            features=len(self.features),
            outputs=self.outputs,
            groups=groups,
            task_features=task_features,
            intercept=self.schema.intercept,
            name=f"tasks_{kind}" if kind else "tasks",
            positions=tuple(tasks) if kind and tasks is not None else (),
            state=self._state(kind),
            all_tasks=number if kind else len(self.schema.tasks),
        )

    def _state(self, kind: str) -> nn.Module | None:
        """What the prior keeps for one kind of tasks."""
        # Not by attribute: Pyro would declare the module's parameters, and Program trains them as its own.
        states = vars(self)["_modules"]["states"]
        return dict(zip((name for name, _ in self.kinds), states, strict=False)).get(kind)

    def batch(
        self, data: TaskData, device: torch.device | str = "cpu", dtype: torch.dtype = torch.float32
    ) -> Batch:
        """All observations of ``data``, standardised as this program expects them."""
        return full_batch(data, self.scaling, device=device, dtype=dtype)

    def forward(self, batch: Batch) -> Tensor:
        """The program: weights, parameters, network, predictor, targets."""
        weights, fixed, parameters = self._sampled(batch)
        found = training_design(self.network, batch, self.precision)
        f = self.predictor(batch, weights, fixed, self.seam(found.features))
        with (
            pyro.plate("observations", batch.observations, dim=-1),
            poutine.scale(scale=batch.scale),
        ):
            distribution = self.likelihood.distribution(f, batch, parameters)
            y = pyro.sample("y", distribution, obs=batch.y)
            if found.terms is not None:
                pyro.factor("network.terms", found.terms(distribution.log_prob(batch.y)))
            return y

    def latents(self, batch: Batch) -> tuple[Tensor, Tensor | None, dict[str, Tensor]]:
        """Everything that is sampled but the targets: weights, fixed weights, likelihood parameters.

        The latent sites of a network are sampled too; they are found in a trace.
        """
        sampled = self._sampled(batch)
        if isinstance(self.network, AbstractRandomNetwork):
            self.network.latents()
        return sampled

    def _sampled(self, batch: Batch) -> tuple[Tensor, Tensor | None, dict[str, Tensor]]:
        with task_scale(batch.task_weight):
            weights = self.weights(batch.task_features, batch.members)
            return weights, self.fixed(), self.likelihood_parameters(batch)

    def weights(self, task_features: Tensor | None = None, members: Tensor | None = None) -> Tensor:
        """Sample the weights of all tasks, ``[..., tasks, features, outputs]`` (standardised).

        Parameters
        ----------
        task_features
            ``[tasks, features]`` of the tasks, standardised, for priors that use them.
        members
            ``[part]``: which of the tasks, where it is not all; only for one kind of tasks, independent ones.
        """
        return self.by_kind(self.prior.weights, task_features, members)

    def by_kind(
        self,
        sampler: Callable[[Dims], Tensor],
        task_features: Tensor | None = None,
        members: Tensor | None = None,
    ) -> Tensor:
        """Run a prior's sampler for each kind of tasks and put the tasks back in order.

        ``task_features`` are ``[tasks, features]``; ``members [part]`` says which tasks a batch has.
        """
        parts = []
        for name, tasks in self.kinds:
            dims = self.dims(task_features, tasks if name else None, name)
            if members is not None:
                dims = replace(dims, tasks=len(members))
            with scope(prefix=name) if name else nullcontext():
                parts.append(sampler(dims))
        if len(parts) == 1:
            weights = parts[0]
        else:
            order = torch.tensor([t for _, tasks in self.kinds for t in tasks], device=parts[0].device)
            weights = torch.cat(parts, -3).index_select(-3, order.argsort())
        if self.outputs > 1:
            used = self.used if members is None else self.used.index_select(0, members)
            weights = weights * used[:, None, :]
        return weights

    def fixed(self) -> Tensor | None:
        """Sample the weights that all tasks share, ``[..., 1, fixed features, outputs]``, or None."""
        if not self.schema.fixed:
            return None
        shape = [len(self.schema.fixed), self.outputs]
        return pyro.sample("fixed", self.fixed_prior.expand(shape).to_event(2))

    def likelihood_parameters(self, batch: Batch) -> dict[str, Tensor]:
        """Sample the likelihood's parameters and gather them to observations."""
        events = self.likelihood.events
        # Another plate than the prior's: each is written without knowing of the other.
        dims = replace(self.dims(tasks=range(batch.tasks)), name="observed_tasks")
        return {
            name: gather_tasks(value, batch.task, batch.tasks, events.get(name, 0))
            for name, value in self.likelihood.parameters(dims).items()
        }

    def predictor(
        self,
        batch: Batch,
        weights: Tensor,
        fixed: Tensor | None,
        features: Tensor | None = None,
        in_turn: bool = False,
    ) -> Tensor:
        """Linear predictor ``[..., observations, outputs]`` in the user's units.

        Parameters
        ----------
        batch
            The observations.
        weights
            ``[..., tasks, features, outputs]``, standardised.
        fixed
            Weights that all tasks share, ``[..., 1, features, outputs]``; None where there are none.
        features
            The batch's `design`. By default it is made; where it is random, for each draw of the weights.
        in_turn
            Whether tasks may be taken one by one: several times faster, but no graph can be captured of it.
        """
        features = self.design(batch, weights.shape[:-3]) if features is None else features
        f = (weighted_in_turn if in_turn else weighted)(features, weights, batch)
        rows = self.fixed_rows(batch)
        if fixed is not None and rows is not None:
            f = f + rows @ fixed.reshape(*fixed.shape[:-3], *fixed.shape[-2:]).to(rows.dtype)
        f = batch.shift.index_select(0, batch.task) + batch.spread.index_select(0, batch.task) * f
        return f if batch.offset is None else f + batch.offset.unsqueeze(-1)

    def fixed_rows(self, batch: Batch) -> Tensor | None:
        """What the weights that all tasks share multiply, ``[observations, fixed features]``, or None."""
        return None if batch.fixed is None else rows_of(batch.fixed, batch)

    def design(self, batch: Batch, draws: Sequence[int] | None = None) -> Tensor:
        """What each observation's weights multiply, ``[..., observations, features]``.

        Where that is random it is ``draws`` of it, ``[*draws, observations, features]``, or its mean.
        """
        return design(self.network, batch) if draws is None else drawn_design(self.network, batch, draws)
