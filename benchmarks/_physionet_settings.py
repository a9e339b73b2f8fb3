"""What is chosen in the PhysioNet benchmark."""

from dataclasses import dataclass
from functools import partial
from typing import Literal

from pyro.infer.autoguide import AutoNormal

from bayes_mtl import TaskData
from bayes_mtl.inference import MAML, SVI, NetworkTraining, Plateau, Validation


@dataclass(frozen=True)
class Settings:
    """Sizes of the networks and of the training, the same for every network and every kind of heads."""

    steps: int = 300
    """At most: `svi` keeps the state that predicts validation data best."""
    rate: float = 1e-3
    """Of the network."""
    head_rate: float = 0.02
    decay: float = 1.0
    """Of the network's weights."""
    dropout: float = 0.4
    precision: float = 100.0
    """Of the heads' weights, a priori."""
    experts: int = 8
    width: int = 16
    """Units of an expert; networks without experts have as many as all experts together."""
    alpha: float = 0.5
    """Share of MMoEEx's experts that are restricted."""
    mode: Literal["exclusivity", "exclusion"] = "exclusivity"

    def svi(self, valid: TaskData | None = None, *, maml: bool = False, frozen: bool = False) -> SVI:
        """The training, its length chosen by validation data where there are any."""
        network = NetworkTraining(MAML() if maml else None, self.rate, self.decay)
        return SVI(
            guide=partial(AutoNormal, init_scale=0.01),
            steps=self.steps,
            batch_size=256,
            particles=1,
            learning_rate=self.head_rate,
            network=NetworkTraining() if frozen else network,
            plateau=Plateau(100_000),
            validation=None if valid is None else Validation(valid, every=20, patience=3, draws=10),
            draws=25,
            device="cpu",
            progress=False,
            compile=False,
        )
