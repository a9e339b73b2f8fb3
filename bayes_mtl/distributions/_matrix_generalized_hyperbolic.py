"""The symmetric matrix-variate generalised hyperbolic distribution."""

import math
from collections.abc import Sequence
from typing import Any, ClassVar

import torch
from pyro.distributions import TorchDistribution, constraints
from torch import Tensor

from bayes_mtl.distributions._generalized_inverse_gaussian import GeneralizedInverseGaussian
from bayes_mtl.distributions._gig_integral import log_gig_integral
from bayes_mtl.distributions._matrix_normal import MatrixNormal

_ONE = torch.Size()


class MatrixGeneralizedHyperbolic(TorchDistribution):
    r"""A `MatrixNormal` whose covariance is divided by ``g ~ GIG(order, chi, phi)``, ``g`` integrated out.

    With ``P`` rows, ``D`` columns, $\nu = \omega + PD/2$ and $\delta$ the squared distance
    $\mathrm{tr}(O^{-1} (W-M)^\top S^{-1} (W-M))$,

    $$
    p(W) = (2\pi)^{-PD/2} |O|^{-P/2} |S|^{-D/2}
        \frac{(\phi/\chi)^{\omega/2}}{K_\omega(\sqrt{\chi\phi})} K_\nu\big(\sqrt{\chi(\phi+\delta)}\big)
        \Big(\frac{\chi}{\phi+\delta}\Big)^{\nu/2}.
    $$

    | member | order | the others |
    | --- | --- | --- |
    | Student-t of `n` degrees | `n / 2` | `chi = 0`, `phi = n` |
    | multivariate Laplace | `-1` | `phi = 0` |
    | group lasso, `exp(-sqrt(chi delta))` | `-(P D + 1) / 2` | `phi = 0` |
    | variance gamma | below 0 | `phi = 0` |
    | normal-inverse-Gaussian | `1 / 2` | both positive |
    | hyperbolic, `exp(-sqrt(chi (phi + delta)))` | `-(P D + 1) / 2` | both positive |

    Texts that put the mixing distribution on the variance ``1 / g`` have ``-order, phi, chi``.

    Parameters
    ----------
    base
        Mean and covariances at ``g = 1``.
    order, chi, phi
        Of the mixing distribution, see `GeneralizedInverseGaussian`; they broadcast against the base's
        batch shape.
    validate_args
        Whether to check the parameters; by default what torch's distributions do.

    Raises
    ------
    InputError
        As in `GeneralizedInverseGaussian`.

    Notes
    -----
    Where ``phi = 0`` and ``nu >= 0`` the density is infinite at the mean.

    References
    ----------
    Archambeau, Guo and Zoeter, Sparse Bayesian multi-task learning, NIPS 2011.
    """

    arg_constraints: ClassVar[dict[str, Any]] = {
        "order": constraints.real,
        "chi": constraints.nonnegative,
        "phi": constraints.nonnegative,
    }
    support = constraints.independent(constraints.real, 2)
    has_rsample = True

    def __init__(
        self,
        base: MatrixNormal,
        order: Tensor | float,
        chi: Tensor | float,
        phi: Tensor | float,
        validate_args: bool | None = None,
    ) -> None:
        order, chi, phi = (
            torch.as_tensor(each, dtype=base.loc.dtype, device=base.loc.device) for each in (order, chi, phi)
        )
        self.base = base
        self.mixing = GeneralizedInverseGaussian(order, chi, phi, validate_args=validate_args)
        batch = torch.broadcast_shapes(base.batch_shape, self.mixing.batch_shape)
        super().__init__(batch, base.event_shape, validate_args=False)
        self._validate_args = self.mixing._validate_args

    @property
    def order(self) -> Tensor:
        """Of the mixing distribution."""
        return self.mixing.order

    @property
    def chi(self) -> Tensor:
        """Of the mixing distribution."""
        return self.mixing.chi

    @property
    def phi(self) -> Tensor:
        """Of the mixing distribution."""
        return self.mixing.phi

    def expand(self, batch_shape: Sequence[int], _instance: object = None) -> "MatrixGeneralizedHyperbolic":
        new = self._get_checked_instance(MatrixGeneralizedHyperbolic, _instance)
        new.base, new.mixing = self.base.expand(batch_shape), self.mixing.expand(batch_shape)
        super(MatrixGeneralizedHyperbolic, new).__init__(
            torch.Size(batch_shape), self.event_shape, validate_args=False
        )
        new._validate_args = self._validate_args
        return new

    @property
    def mean(self) -> Tensor:
        """``[..., rows, columns]``; for heavy tails (``chi = 0``, ``order <= 1/2``) the centre only."""
        return self.base.mean.expand(self.shape())

    @property
    def variance(self) -> Tensor:
        """Of each entry, ``[..., rows, columns]``; infinite for ``chi = 0`` and ``order <= 1``."""
        return self.mixing.mean_inverse[..., None, None] * self.base.variance

    def precision(self, value: Tensor) -> GeneralizedInverseGaussian:
        """Distribution of ``g`` given a matrix ``[..., P, D]``: ``GIG(order + PD / 2, chi, phi + delta)``."""
        order = self.order + 0.5 * self.event_shape.numel()
        phi = self.phi + self.base.squared_distance(value)
        return GeneralizedInverseGaussian(order, self.chi, phi, validate_args=False)

    def rsample(self, sample_shape: Sequence[int] = _ONE) -> Tensor:
        precision = self.mixing.expand(self.batch_shape).rsample(sample_shape)
        noise = self.base.expand(self.batch_shape).noise(sample_shape)
        return self.base.loc + noise / precision.sqrt()[..., None, None]

    def log_prob(self, value: Tensor) -> Tensor:
        if self._validate_args:
            self._validate_sample(value)
        weighted = self.precision(value)
        integral = log_gig_integral(weighted.order, weighted.chi, weighted.phi)
        constant = log_gig_integral(self.order, self.chi, self.phi) + self.base.log_scale
        count = self.event_shape.numel()
        density: Tensor = integral - constant - 0.5 * count * math.log(2.0 * math.pi)
        return density
