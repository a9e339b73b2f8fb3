"""The generalised inverse Gaussian distribution."""

import math
from collections.abc import Sequence
from typing import Any, ClassVar

import torch
from pyro.distributions import TorchDistribution, constraints
from torch import Tensor

from bayes_mtl._errors import InputError, message
from bayes_mtl.distributions._gig_draws import LogGIGDraw, draw_log_gig
from bayes_mtl.distributions._gig_integral import gig_mean_log, log_gig_integral

_ONE = torch.Size()


class GeneralizedInverseGaussian(TorchDistribution):
    r"""``p(g)`` proportional to ``g^(order-1) exp(-(chi / g + phi g) / 2)`` on the positive numbers.

    $$
    p(g) = \frac{(\phi/\chi)^{\omega/2}}{2 K_\omega(\sqrt{\chi\phi})}
        g^{\omega-1} e^{-(\chi/g + \phi g)/2}
    $$

    with the order $\omega$. Its limits belong to it, element by element: ``chi = 0 < order`` is
    ``Gamma(order, phi / 2)`` and ``phi = 0 > order`` is ``InverseGamma(-order, chi / 2)``. ``1 / g`` has
    the same distribution with ``-order, phi, chi``; ``order = -1/2`` is the inverse Gaussian.

    Parameters
    ----------
    order
        Any real number.
    chi, phi
        Not negative, and not 0 where the order does not allow it. All three broadcast.
    validate_args
        Whether to check the parameters; by default what torch's distributions do.

    Raises
    ------
    InputError
        If a parameter is out of range (with ``validate_args`` only).

    Notes
    -----
    Draws carry derivatives by all parameters (implicit reparameterisation); they have no second ones.
    Densities have derivatives of all orders. Everything is tensor operations without a branch on values.

    References
    ----------
    Jørgensen, Statistical Properties of the Generalized Inverse Gaussian Distribution (1982).
    Archambeau, Guo and Zoeter, Sparse Bayesian multi-task learning, NIPS 2011.
    Draws: Devroye, Random variate generation for the generalized inverse Gaussian distribution (2014).
    Their derivatives: Figurnov, Mohamed and Mnih, Implicit reparameterization gradients, NeurIPS 2018.
    """

    arg_constraints: ClassVar[dict[str, Any]] = {
        "order": constraints.real,
        "chi": constraints.nonnegative,
        "phi": constraints.nonnegative,
    }
    support = constraints.positive
    has_rsample = True

    def __init__(
        self,
        order: Tensor | float,
        chi: Tensor | float,
        phi: Tensor | float,
        validate_args: bool | None = None,
    ) -> None:
        given = [each for each in (order, chi, phi) if isinstance(each, Tensor)]
        kind = given[0] if given else torch.tensor(0.0)
        all_three = (torch.as_tensor(e, dtype=kind.dtype, device=kind.device) for e in (order, chi, phi))
        self.order, self.chi, self.phi = torch.broadcast_tensors(*all_three)
        if self._validate_args if validate_args is None else validate_args:
            _check(self.order, self.chi, self.phi)
        super().__init__(self.order.shape, validate_args=validate_args)

    def expand(self, batch_shape: Sequence[int], _instance: object = None) -> "GeneralizedInverseGaussian":
        order, chi, phi = (each.expand(batch_shape) for each in (self.order, self.chi, self.phi))
        new = GeneralizedInverseGaussian(order, chi, phi, validate_args=False)
        new._validate_args = self._validate_args
        return new

    def _moment(self, power: float) -> Tensor:
        """Mean of ``g^power``; in float64, since differences of logarithms are taken."""
        order, chi, phi = self.order.double(), self.chi.double(), self.phi.double()
        top, bottom = log_gig_integral(order + power, chi, phi), log_gig_integral(order, chi, phi)
        return (top - bottom).exp()

    @property
    def mean(self) -> Tensor:
        """Infinite for ``phi = 0`` and ``-1 <= order``."""
        return self._moment(1.0).to(self.order.dtype)

    @property
    def mean_inverse(self) -> Tensor:
        """Mean of ``1 / g``; infinite for ``chi = 0`` and ``order <= 1``."""
        return self._moment(-1.0).to(self.order.dtype)

    @property
    def mean_log(self) -> Tensor:
        """Mean of ``log g``."""
        return gig_mean_log(self.order, self.chi, self.phi)

    @property
    def variance(self) -> Tensor:
        """Infinite for ``phi = 0`` and ``-2 <= order``."""
        second = self._moment(2.0)
        infinite = second == math.inf
        mean = torch.where(infinite, 0.0, self._moment(1.0))
        return (second - mean.square()).to(self.order.dtype)

    def log_prob(self, value: Tensor) -> Tensor:
        if self._validate_args:
            self._validate_sample(value)
        log_value = value.clamp_min(torch.finfo(value.dtype).tiny).log()
        root = (0.5 * log_value).exp()
        inside = (self.chi > 0) & (self.phi > 0)
        chi, phi = torch.where(inside, self.chi, 1.0), torch.where(inside, self.phi, 1.0)
        # -(chi / g + phi g) / 2 + sqrt(chi phi): both terms are large where the density is narrow
        square = -0.5 * (chi.sqrt() / root - phi.sqrt() * root).square()
        linear = -0.5 * (self.chi / root.square() + self.phi * root.square())
        constant = log_gig_integral(self.order, self.chi, self.phi, scaled=True)
        density: Tensor = (self.order - 1.0) * log_value + torch.where(inside, square, linear) - constant
        return density

    def rsample(self, sample_shape: Sequence[int] = _ONE) -> Tensor:
        shape = torch.Size(sample_shape) + self.batch_shape
        parameters = self.order, self.chi, self.phi
        log_value = draw_log_gig(*parameters, shape)
        if any(each.requires_grad for each in parameters):
            log_value = LogGIGDraw.apply(*parameters, log_value)  # type: ignore[no-untyped-call]
        return log_value.exp().clamp_min(torch.finfo(log_value.dtype).tiny)


def _check(order: Tensor, chi: Tensor, phi: Tensor) -> None:
    for name, value in (("chi", chi), ("phi", phi)):
        if not bool((value >= 0).all()):
            raise InputError(message(name, "not negative", value.min().item(), "Give its size."))
    for name, wrong, remedy in (
        ("chi", (chi == 0) & (order <= 0), "The gamma distribution at chi = 0 needs a positive order."),
        ("phi", (phi == 0) & (order >= 0), "The inverse gamma at phi = 0 needs a negative order."),
        ("order", (chi == 0) & (phi == 0), "One of them must be positive."),
    ):
        if bool(wrong.any()):
            found = f"0 with order {order[wrong][0].item():.4g}"
            raise InputError(message(name, "positive", found, remedy))
