"""Stand-in for a user's own network in a posterior that was loaded without it."""

from typing import Any

from torch import Tensor, nn

from bayes_mtl.posterior._lacking import lacking


class MissingNetwork(nn.Module):
    """A network that is not the library's own: only the width of its output is known.

    Parameters
    ----------
    part
        Name of the class.
    out_features
        Width of its output.
    """

    def __init__(self, part: str, out_features: int) -> None:
        super().__init__()
        self.part, self.out_features = part, out_features

    def forward(self, *arguments: Any) -> Tensor:
        """Nothing to call.

        Raises
        ------
        UnsupportedError
            Always.
        """
        lacking(self.part)
