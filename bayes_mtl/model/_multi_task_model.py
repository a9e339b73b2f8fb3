"""A model in the user's hands: a prior over the tasks, a likelihood, and maybe a network."""

from copy import deepcopy
from dataclasses import dataclass
from typing import Any

import torch
from pyro.distributions import Distribution, Normal
from torch import nn

from bayes_mtl._errors import InputError, InputTypeError, message
from bayes_mtl._html import card
from bayes_mtl._settings import check_priors
from bayes_mtl.data import Scaling, TaskData, TaskTable
from bayes_mtl.data._counted import counted
from bayes_mtl.data._require_data import require_data
from bayes_mtl.likelihoods import AbstractLikelihood
from bayes_mtl.model._check_network import check_network
from bayes_mtl.model._classes_seen import classes_seen
from bayes_mtl.model._diagram import diagram
from bayes_mtl.model._program import Program
from bayes_mtl.model._scaling_of_table import scaling_of_table
from bayes_mtl.networks import AbstractStochasticNetwork
from bayes_mtl.priors import AbstractTaskPrior


@dataclass(frozen=True, eq=False)
class MultiTaskModel:
    """Prior over all tasks' weights, likelihood of the targets, and the network between.

    Parameters
    ----------
    prior
        How tasks are related.
    likelihood
        How targets scatter around the linear predictor.
    network
        Any ``nn.Module`` with ``forward(x, row, task) -> [observations, out_features]`` and an attribute
        ``out_features``; None for weights on the inputs themselves. For sequences ``[rows, steps,
        features]`` it is also passed ``step=`` (``[observations]``) and ``length=`` (``[rows]`` valid
        steps, or None). Fits train a copy: the module passed here is never changed.
    fixed
        Prior of the weights that all tasks share (features not in ``varying``), standardised scale.
    standardize
        Whether features and targets are standardised before the fit (and everything reported in the
        user's units after). Without it, priors are on the data's own scale. The `Scaling` of another fit
        (``posterior.program.scaling``) puts this one's priors on the same scale.

    Notes
    -----
    `program` gives the Pyro program for one data set: a plain callable for any Pyro tool.
    """

    prior: AbstractTaskPrior
    likelihood: AbstractLikelihood
    network: nn.Module | None = None
    fixed: Distribution = Normal(0.0, 1.0)
    standardize: bool | Scaling = True

    def __post_init__(self) -> None:
        for name, kind in (("prior", AbstractTaskPrior), ("likelihood", AbstractLikelihood)):
            value = getattr(self, name)
            if not isinstance(value, kind):
                found = f"the class {value.__name__}" if isinstance(value, type) else repr(value)
                remedy = (
                    f"Call it: {value.__name__}()." if isinstance(value, type) else "See bayes_mtl.priors."
                )
                raise InputTypeError(message(name, f"an instance of {kind.__name__}", found, remedy))
        check_priors(self, "fixed")
        if self.network is not None and not isinstance(getattr(self.network, "out_features", None), int):
            raise InputTypeError(
                message(
                    "network",
                    "an nn.Module with an integer attribute 'out_features'",
                    type(self.network).__name__,
                    "Set out_features to the width of the network's output.",
                )
            )

    def program(self, data: TaskData | TaskTable) -> Program:
        """The Pyro program of this model for one data set.

        Returns
        -------
        Program
            Call it with ``program.batch(data)``.

        Raises
        ------
        InputError
            Where targets or columns do not fit the likelihood, or the data the network or a given scaling.
        UnsupportedError
            For a table of which only sums are known, where the likelihood needs its rows.
        """
        require_data(data)
        if isinstance(data, TaskTable):
            names = data.without_rows()
            likelihood = self._bound(names)
            scaling = self._given_scaling(names) or scaling_of_table(likelihood, data, bool(self.standardize))
            return self._program(likelihood, names, scaling)
        likelihood = self._bound(data)
        scaling = self._given_scaling(data) or Scaling.fit(
            data, *likelihood.location(counted(data)), standardize=bool(self.standardize)
        )
        return self._program(likelihood, data, scaling)

    def _given_scaling(self, data: TaskData) -> Scaling | None:
        if not isinstance(self.standardize, Scaling):
            return None
        found = (len(self.standardize.x_mean), len(self.standardize.shift), len(self.standardize.task_mean))
        schema = data.schema
        expected = (len(schema.columns), len(schema.tasks), len(schema.task_features))
        if found != expected:
            form = "scaling of {} features, {} tasks and {} task features"
            raise InputError(
                message(
                    "standardize",
                    form.format(*expected),
                    form.format(*found),
                    "Take that of like data.",
                )
            )
        return self.standardize

    def _bound(self, data: TaskData) -> AbstractLikelihood:
        """The likelihood of these data, which fit it and the network."""
        likelihood = self.likelihood.bind(data)
        likelihood.check(data)
        if not data.schema.intercept and not (data.schema.features or data.schema.fixed):
            raise InputError(message("x", "a feature or an intercept", "neither", "Set intercept=True."))
        if self.network is not None:
            check_network(self.network, data.schema)
        return likelihood

    def _program(self, likelihood: AbstractLikelihood, data: TaskData, scaling: Scaling) -> Program:
        features = data.task_features
        if features is not None:
            features = (features - scaling.task_mean) / scaling.task_sd
        return Program(
            prior=self.prior.bind(data),
            likelihood=likelihood,
            network=_copied(self.network, likelihood, data),
            fixed=self.fixed,
            schema=data.schema,
            scaling=scaling,
            kinds=likelihood.output_groups(data),
            used_outputs=torch.as_tensor(likelihood.task_outputs(data)),
            task_features=None if features is None else torch.as_tensor(features, dtype=torch.float32),
            seen=torch.as_tensor(likelihood.seen(data)),
            offset=data.offset is not None,
        )

    def diagram(self, data: TaskData) -> Any:
        """Draw the model's sites, what each depends on, and its plates (tasks, observations).

        Parameters
        ----------
        data
            Whose columns and tasks the model is for; the picture is the same for any number of rows.

        Returns
        -------
        graphviz.Digraph
            A notebook shows it where the program ``dot`` is installed; ``.source`` is its text.

        Raises
        ------
        UnsupportedError
            Where the package graphviz is not installed (extra ``diagrams``).
        """
        return diagram(self.program(data), data)

    def _repr_html_(self) -> str:
        network = "" if self.network is None else repr(self.network)
        scale = "standardised before the fit" if self.standardize else "as it is"
        if isinstance(self.standardize, Scaling):
            scale = "standardised as other data"
        facts = {"prior": self.prior, "likelihood": self.likelihood, "network": network, "data": scale}
        return card("MultiTaskModel", facts)


def _copied(network: nn.Module | None, likelihood: AbstractLikelihood, data: TaskData) -> nn.Module | None:
    """A copy of the network that knows the data's tasks and classes, where it asks for them."""
    own = deepcopy(network)
    return (
        own.bind(data, classes_seen(likelihood, data)) if isinstance(own, AbstractStochasticNetwork) else own
    )
