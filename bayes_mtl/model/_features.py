"""What the weights of tasks multiply: the inputs, or what a network makes of them."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from bayes_mtl.data import Batch
from bayes_mtl.networks import AbstractObjectiveNetwork, AbstractStochasticNetwork, TrainingFeatures
from bayes_mtl.networks._called import called


def design(network: nn.Module | None, batch: Batch) -> Tensor:
    """What each observation's weights multiply, ``[..., observations, features]``."""
    if network is None and batch.design is not None:
        return batch.design
    return _with_intercept(rows_of(batch.x, batch) if network is None else called(network, batch), batch)


def training_design(
    network: nn.Module | None, batch: Batch, precision: torch.dtype | None = None
) -> TrainingFeatures:
    """The same in a fit, with what the network adds to the objective.

    With a ``precision``, a network in train mode multiplies matrices in it; what comes out is as precise as
    the inputs' dtype, for the densities to come.
    """
    if precision is None or network is None or not network.training:
        return _training_design(network, batch)
    # Without its cache of parameters, which a captured step would find again outside of its graph.
    with torch.autocast(batch.x.device.type, precision, cache_enabled=False):
        found = _training_design(network, batch)
    return TrainingFeatures(found.features.to(batch.x.dtype), found.terms)


def _training_design(network: nn.Module | None, batch: Batch) -> TrainingFeatures:
    if isinstance(network, AbstractObjectiveNetwork) and network.training and batch.y is not None:
        found = network.objective(batch)
        return TrainingFeatures(_with_intercept(found.features, batch), found.terms)
    return TrainingFeatures(design(network, batch))


def drawn_design(network: nn.Module | None, batch: Batch, shape: Sequence[int]) -> Tensor:
    """The same for predictions: features that are random are drawn, ``[*shape, observations, features]``."""
    if isinstance(network, AbstractStochasticNetwork):
        return _with_intercept(network.draw(batch, shape), batch)
    return design(network, batch)


def rows_of(x: Tensor, batch: Batch) -> Tensor:
    """Inputs of each observation from inputs of each row."""
    step = batch.steps_of_observations()
    if step is not None:
        rows = torch.arange(batch.observations, device=x.device) if batch.row is None else batch.row
        return x[rows, step]
    return x if batch.row is None else x.index_select(0, batch.row)


def _with_intercept(features: Tensor, batch: Batch) -> Tensor:
    if not batch.intercept:
        return features
    return torch.cat([features.new_ones(*features.shape[:-1], 1), features], -1)
