"""Making layers of a network random."""

from pyro.distributions import Distribution
from torch import nn

from bayes_mtl.networks._lifted import Lifted


def lift(network: nn.Module, *layers: str, prior: Distribution | None = None) -> Lifted:
    """A network with a prior on the weights of some layers: Bayesian gates, last layers.

    Parameters
    ----------
    network
        Any network without training terms of its own; it is not changed.
    layers
        Names of modules or parameters inside of it.
    prior
        Of every random weight; see `Lifted`.

    Examples
    --------
    >>> from bayes_mtl.networks import MLP
    >>> sorted(lift(MLP(3, (8, 4)), "layers.2").start())
    ['network.layers.2.bias', 'network.layers.2.weight']
    """
    return Lifted(network, layers, prior=prior)
