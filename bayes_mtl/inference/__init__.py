"""Inference: frozen settings with ``run(model, data, seed=...)``, and `fit`, which chooses."""

from bayes_mtl.inference._abstract_inference import AbstractInference
from bayes_mtl.inference._adapt import adapt
from bayes_mtl.inference._collapsed import Collapsed
from bayes_mtl.inference._coordinate_ascent import CoordinateAscent
from bayes_mtl.inference._fit import fit
from bayes_mtl.inference._map import MAP
from bayes_mtl.inference._nuts import NUTS
from bayes_mtl.inference._stopping import Plateau
from bayes_mtl.inference._svi import SVI
from bayes_mtl.inference._task_blocks import AutoTaskBlocks
from bayes_mtl.inference._trees import Trees

__all__ = [
    "MAP",
    "NUTS",
    "SVI",
    "AbstractInference",
    "AutoTaskBlocks",
    "Collapsed",
    "CoordinateAscent",
    "Plateau",
    "Trees",
    "adapt",
    "fit",
]
