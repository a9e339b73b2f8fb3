"""What the weights of tasks multiply: the inputs, or what a network makes of them."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from bayes_mtl.data import Batch
from bayes_mtl.networks import AbstractObjectiveNetwork, AbstractStochasticNetwork, TrainingFeatures
from bayes_mtl.networks._called import called


def design(network: nn.Module | None, batch: Batch) -> Tensor:
    """What each observation's weights multiply, ``[..., observations, features]``."""
    return _with_intercept(rows_of(batch.x, batch) if network is None else called(network, batch), batch)


def training_design(network: nn.Module | None, batch: Batch) -> TrainingFeatures:
    """The same in a fit, with what the network adds to the objective."""
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
