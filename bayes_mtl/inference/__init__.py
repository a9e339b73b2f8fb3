"""Inference: frozen settings with ``run(model, data, seed=...)``, and `fit`, which chooses."""

from bayes_mtl.inference._abstract_inference import AbstractInference
from bayes_mtl.inference._abstract_module_gradient import AbstractModuleGradient
from bayes_mtl.inference._abstract_task_weights import AbstractTaskWeights
from bayes_mtl.inference._adapt import adapt
from bayes_mtl.inference._affinities import affinities
from bayes_mtl.inference._auto_amortised import AutoAmortised
from bayes_mtl.inference._collapsed import Collapsed
from bayes_mtl.inference._coordinate_ascent import CoordinateAscent
from bayes_mtl.inference._distill import distill
from bayes_mtl.inference._dwa import DWA
from bayes_mtl.inference._escalation import Escalation
from bayes_mtl.inference._evaluation import Evaluation
from bayes_mtl.inference._fit import fit
from bayes_mtl.inference._group_tasks import group_tasks
from bayes_mtl.inference._importance_resample import importance_resample
from bayes_mtl.inference._inverse_size import InverseSize
from bayes_mtl.inference._lbtw import LBTW
from bayes_mtl.inference._maml import MAML
from bayes_mtl.inference._map import MAP
from bayes_mtl.inference._memory import Memory
from bayes_mtl.inference._nested_laplace import NestedLaplace
from bayes_mtl.inference._network_training import NetworkTraining
from bayes_mtl.inference._nuts import NUTS
from bayes_mtl.inference._population_monte_carlo import PopulationMonteCarlo
from bayes_mtl.inference._static_weights import StaticWeights
from bayes_mtl.inference._stopping import Plateau
from bayes_mtl.inference._surgery import GradientSurgery
from bayes_mtl.inference._svi import SVI
from bayes_mtl.inference._task_blocks import AutoTaskBlocks
from bayes_mtl.inference._tasks import Tasks
from bayes_mtl.inference._trees import Trees
from bayes_mtl.inference._validation import Validation

__all__ = [
    "DWA",
    "LBTW",
    "MAML",
    "MAP",
    "NUTS",
    "SVI",
    "AbstractInference",
    "AbstractModuleGradient",
    "AbstractTaskWeights",
    "AutoAmortised",
    "AutoTaskBlocks",
    "Collapsed",
    "CoordinateAscent",
    "Escalation",
    "Evaluation",
    "GradientSurgery",
    "InverseSize",
    "Memory",
    "NestedLaplace",
    "NetworkTraining",
    "Plateau",
    "PopulationMonteCarlo",
    "StaticWeights",
    "Tasks",
    "Trees",
    "Validation",
    "adapt",
    "affinities",
    "distill",
    "fit",
    "group_tasks",
    "importance_resample",
]
