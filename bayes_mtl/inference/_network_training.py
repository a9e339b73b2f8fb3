"""How the parameters of a network are trained."""

from dataclasses import dataclass
from typing import Literal

import numpy as np

from bayes_mtl._errors import InputError, InputTypeError, message
from bayes_mtl.inference._abstract_module_gradient import AbstractModuleGradient


@dataclass(frozen=True)
class NetworkTraining:
    """What is different for the parameters of the model's network.

    Guide, prior and likelihood are trained as ever: by the gradient of the ELBO, at `SVI`'s learning rate.

    Parameters
    ----------
    rule
        How the tasks' shares make the gradient: `StaticWeights`, `InverseSize`, `LBTW`, `DWA`,
        `GradientSurgery`, `MAML`, or your own. Default: the gradient of the ELBO.
    learning_rate
        Of the network; it falls at the plateaus as the other does. Default: the other.
    weight_decay
        Every step multiplies the network's parameters by ``1 - rate * weight_decay`` (AdamW).
    precision
        ``"bfloat16"``: while it is trained, the network multiplies matrices in 16 bits, with three digits.
        Its parameters, Adam, weights of tasks and all log-densities stay in float32, and so do predictions.
        Quicker and smaller on GPUs for wide networks; slower on most CPUs.

    References
    ----------
    Micikevicius et al., Mixed precision training (ICLR 2018); Loshchilov and Hutter, Decoupled weight decay
    regularization (ICLR 2019).
    """

    rule: AbstractModuleGradient | None = None
    learning_rate: float | None = None
    weight_decay: float = 0.0
    precision: Literal["float32", "bfloat16"] = "float32"

    def __post_init__(self) -> None:
        if self.rule is not None and not isinstance(self.rule, AbstractModuleGradient):
            found = repr(self.rule)
            raise InputTypeError(message("rule", "a rule for gradients, as LBTW()", found, "Make one."))
        if self.learning_rate is not None and not 0 < self.learning_rate < np.inf:
            found = str(self.learning_rate)
            raise InputError(message("learning_rate", "a finite number above 0", found, "Try 1e-3."))
        if not 0 <= self.weight_decay < np.inf:
            raise InputError(message("weight_decay", "at least 0", self.weight_decay, "Try 1e-4."))
        if self.precision not in ("float32", "bfloat16"):
            found = repr(self.precision)
            raise InputError(message("precision", "'float32' or 'bfloat16'", found, "Leave it out."))
