"""Networks that turn inputs into features on which every task has weights: plain PyTorch modules."""

from bayes_mtl.networks._abstract_encoder import AbstractEncoder
from bayes_mtl.networks._abstract_objective_network import AbstractObjectiveNetwork
from bayes_mtl.networks._abstract_random_network import AbstractRandomNetwork
from bayes_mtl.networks._abstract_stochastic_network import AbstractStochasticNetwork
from bayes_mtl.networks._ada_share import AdaShare
from bayes_mtl.networks._adversarial_shared_private import AdversarialSharedPrivate
from bayes_mtl.networks._care import CARE
from bayes_mtl.networks._conv import Conv
from bayes_mtl.networks._cross_stitch import CrossStitch
from bayes_mtl.networks._experts import experts
from bayes_mtl.networks._frozen import Frozen
from bayes_mtl.networks._gru import GRU
from bayes_mtl.networks._lift import lift
from bayes_mtl.networks._lifted import Lifted
from bayes_mtl.networks._lstm import LSTM
from bayes_mtl.networks._mlp import MLP
from bayes_mtl.networks._mmoe import MMoE
from bayes_mtl.networks._multi_clustering import MultiClustering
from bayes_mtl.networks._related_features import RelatedFeatures
from bayes_mtl.networks._selected_experts import SelectedExperts
from bayes_mtl.networks._training_features import TrainingFeatures
from bayes_mtl.networks._transformer import Transformer

__all__ = [
    "CARE",
    "GRU",
    "LSTM",
    "MLP",
    "AbstractEncoder",
    "AbstractObjectiveNetwork",
    "AbstractRandomNetwork",
    "AbstractStochasticNetwork",
    "AdaShare",
    "AdversarialSharedPrivate",
    "Conv",
    "CrossStitch",
    "Frozen",
    "Lifted",
    "MMoE",
    "MultiClustering",
    "RelatedFeatures",
    "SelectedExperts",
    "TrainingFeatures",
    "Transformer",
    "experts",
    "lift",
]
