"""The best variational posterior of a scale, whatever its prior: a table of its density."""

import torch
from pyro.distributions import Distribution
from torch import Tensor

_NODES, _ZOOMS, _DEEPEST = 201, 4, 45.0
_WIDEST = 15.0
"""The scale lies between exp(-15) and exp(15)."""


class FreeScale:
    r"""Factor ``q(s)`` of standard deviations ``s`` of ``n`` Gaussian terms with sum of squares ``S``.

    The best factor is ``q(s) ~ p(s) s^-n exp(-S / 2 s^2)``: one dimension, so it is tabulated over
    ``log s`` (trapezoid rule, range cut 45 nats below the peak) and no conjugate prior is needed.

    Parameters
    ----------
    prior
        Of each scale.
    terms
        ``[scales]``: number of Gaussian terms that each scales.

    Attributes
    ----------
    precision
        ``[scales]``: expected ``1 / s^2``.
    log
        ``[scales]``: expected ``log s``.
    bound
        ``[scales]``: expected log prior plus entropy.
    """

    def __init__(self, prior: Distribution, terms: Tensor) -> None:
        self.prior, self.terms = prior, terms
        self.precision, self.log = torch.ones_like(terms), torch.zeros_like(terms)
        self.bound = torch.zeros_like(terms)

    def update(self, squares: Tensor) -> None:
        """Renew the factor given the expected sums of squares, ``[scales]``."""
        low, high = torch.full_like(squares, -_WIDEST), torch.full_like(squares, _WIDEST)
        last = _NODES - 1
        for zoom in range(_ZOOMS):
            step = (high - low) / last
            table = low.unsqueeze(-1) + step.unsqueeze(-1) * torch.arange(_NODES, dtype=low.dtype)
            density = self._log_density(table, squares)
            peak = density.amax(-1, keepdim=True)
            if zoom + 1 < _ZOOMS:
                inside = (density > peak - _DEEPEST).double()
                first, final = inside.argmax(-1), last - inside.flip(-1).argmax(-1)
                high = low + step * (final + 1).clamp_max(last)
                low = low + step * (first - 1).clamp_min(0)
        mass = (density - peak).exp()
        self._table, self._share = table, mass / mass.sum(-1, keepdim=True)
        log_constant = peak.squeeze(-1) + mass.sum(-1).log() + step.log()
        self.precision = (self._share * (-2 * table).exp()).sum(-1)
        self.log = (self._share * table).sum(-1)
        self.bound = log_constant + self.terms * self.log + 0.5 * squares * self.precision

    def _log_density(self, table: Tensor, squares: Tensor) -> Tensor:
        terms = self.terms.unsqueeze(-1) * table + 0.5 * squares.unsqueeze(-1) * (-2 * table).exp()
        return self.prior.log_prob(table.exp()) + table - terms

    def draw(self, number: int) -> Tensor:
        """``[number, scales]``, spread evenly within the cells of the table."""
        chosen = torch.distributions.Categorical(self._share).sample(torch.Size([number]))
        table = self._table.expand(number, *self._table.shape)
        at = table.gather(-1, chosen.unsqueeze(-1)).squeeze(-1)
        step = self._table[..., 1] - self._table[..., 0]
        return (at + step * (torch.rand_like(at) - 0.5)).exp()
