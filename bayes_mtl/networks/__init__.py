"""Networks that turn inputs into features on which every task has weights: plain PyTorch modules."""

from bayes_mtl.networks._abstract_encoder import AbstractEncoder
from bayes_mtl.networks._abstract_objective_network import AbstractObjectiveNetwork
from bayes_mtl.networks._abstract_random_network import AbstractRandomNetwork
from bayes_mtl.networks._abstract_stochastic_network import AbstractStochasticNetwork
from bayes_mtl.networks._conv import Conv
from bayes_mtl.networks._experts import experts
from bayes_mtl.networks._frozen import Frozen
from bayes_mtl.networks._gru import GRU
from bayes_mtl.networks._lstm import LSTM
from bayes_mtl.networks._mlp import MLP
from bayes_mtl.networks._mmoe import MMoE
from bayes_mtl.networks._related_features import RelatedFeatures
from bayes_mtl.networks._training_features import TrainingFeatures
from bayes_mtl.networks._transformer import Transformer

__all__ = [
    "GRU",
    "LSTM",
    "MLP",
    "AbstractEncoder",
    "AbstractObjectiveNetwork",
    "AbstractRandomNetwork",
    "AbstractStochasticNetwork",
    "Conv",
    "Frozen",
    "MMoE",
    "RelatedFeatures",
    "TrainingFeatures",
    "Transformer",
    "experts",
]
