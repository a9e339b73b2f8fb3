"""Networks that turn inputs into features on which every task has weights: plain PyTorch modules."""

from bayes_mtl.networks._abstract_objective_network import AbstractObjectiveNetwork
from bayes_mtl.networks._abstract_random_network import AbstractRandomNetwork
from bayes_mtl.networks._mlp import MLP
from bayes_mtl.networks._training_features import TrainingFeatures

__all__ = ["MLP", "AbstractObjectiveNetwork", "AbstractRandomNetwork", "TrainingFeatures"]
