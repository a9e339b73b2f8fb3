"""A multi-layer perceptron that all tasks share."""

from collections.abc import Sequence
from itertools import pairwise

from torch import Tensor, nn

from bayes_mtl._errors import InputError, message
from bayes_mtl._seed import seeded
from bayes_mtl.networks._abstract_encoder import AbstractEncoder


class MLP(AbstractEncoder):
    """Fully connected layers shared by all tasks; the tasks' weights act on the last one's output.

    Parameters
    ----------
    in_features
        Number of features of the data (the intercept not counted).
    hidden
        Widths of the layers; the last is `out_features`.
    activation
        Called after every layer.
    seed
        Of the initial weights: the same seed gives the same network.

    Notes
    -----
    With one hidden layer this is the network of Bakker and Heskes (JMLR 2003). On sequences it sees one step
    at a time.
    """

    def __init__(
        self,
        in_features: int,
        hidden: Sequence[int] = (32,),
        *,
        activation: type[nn.Module] = nn.Tanh,
        seed: int = 0,
    ) -> None:
        super().__init__()
        if in_features < 1 or not hidden or min(hidden) < 1:
            raise InputError(
                message(
                    "in_features, hidden",
                    "positive sizes and at least one layer",
                    (in_features, tuple(hidden)),
                    "Give one width for each hidden layer.",
                )
            )
        self.settings = {
            "in_features": in_features,
            "hidden": tuple(hidden),
            "activation": activation,
            "seed": seed,
        }  # what rebuilds it from a file
        self.in_features, self.out_features = in_features, hidden[-1]
        with seeded(seed):
            layers: list[nn.Module] = []
            for before, after in pairwise([in_features, *hidden]):
                layers += [nn.Linear(before, after), activation()]
            self.layers = nn.Sequential(*layers)

    def encode(self, x: Tensor) -> Tensor:
        return self.layers(x)
