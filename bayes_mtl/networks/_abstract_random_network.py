"""Networks of which some weights are random."""

from abc import ABC, abstractmethod

from torch import Tensor, nn


class AbstractRandomNetwork(nn.Module, ABC):
    """A network with latent sites of its own, which the guide learns and the posterior keeps.

    ``forward`` samples them by `latents`; predictions then run at the posterior's draws of them.

    Attributes
    ----------
    out_features
        Width of the output.
    """

    out_features: int

    @abstractmethod
    def latents(self) -> dict[str, Tensor]:
        """Sample the sites, none of which is inside a plate.

        Returns
        -------
        dict
            ``[*event]`` for each site; ``[particles, 1, *event]`` where particles run together.
        """

    def start(self) -> dict[str, Tensor]:
        """Where the guide's means of the sites start, on the sites' own scale; others start near zero."""
        return {}
