"""Log evidence of one Gaussian task, with its gradient in closed form."""

import math
from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

_LOG_2PI = math.log(2 * math.pi)


class LogEvidence(torch.autograd.Function):
    r"""``log N(r; X m, sigma^2 I + X R R' X')`` from sums over the rows of each task.

    With ``A = I + R' X'X R / sigma^2`` and ``h = R' X'(r - X m) / sigma^2`` it is
    ``-[n log 2 pi sigma^2 + log|A| + S / sigma^2 - h' A^-1 h] / 2`` (Bakker and Heskes, JMLR 2003,
    equation 3, in the white weights): no covariance is inverted, so zero spread is no special case.

    The gradient follows from Fisher's identity, the posterior expectation of the complete data's
    gradient: a few products, where differentiating through the Cholesky factor takes four times as long.
    """

    @staticmethod
    def forward(ctx: Any, *arguments: Tensor) -> Tensor:
        xx, xy, yy, n, mean, root, inverse = arguments
        weighted, residual, precision, center = white_system(xx, xy, yy, mean, root, inverse)
        factor = torch.linalg.cholesky(precision)
        covariance = torch.cholesky_inverse(factor)
        white = (covariance @ center.unsqueeze(-1)).squeeze(-1)
        log_det = factor.diagonal(dim1=-2, dim2=-1).log().sum(-1)
        ctx.save_for_backward(*arguments, weighted, residual, covariance, white)
        return (
            0.5 * (n * (inverse.log() - _LOG_2PI) - inverse * residual + (center * white).sum(-1)) - log_det
        )

    @staticmethod
    @once_differentiable  # the intermediates that it reuses carry no second derivative
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        xx, xy, yy, n, mean, root, inverse, weighted, residual, covariance, white = ctx.saved_tensors
        (gradient,) = gradients
        scaled = gradient * inverse
        # X'(r - X w) at the posterior mean w of the weights.
        error = xy - (xx @ mean.unsqueeze(-1)).squeeze(-1)
        pulled = (root.mT @ error.unsqueeze(-1)).squeeze(-1)
        error = error - (weighted @ white.unsqueeze(-1)).squeeze(-1)
        for_root = error.unsqueeze(-1) * white.unsqueeze(-2) - weighted @ covariance
        own = (root.mT @ weighted @ white.unsqueeze(-1)).squeeze(-1)
        left = residual - 2 * (white * pulled).sum(-1) + (white * own).sum(-1)
        spread = (root.shape[-1] - covariance.diagonal(dim1=-2, dim2=-1).sum(-1)) / inverse
        for_inverse = 0.5 * gradient * (n / inverse - left - spread)
        weights = mean + (root @ white.unsqueeze(-1)).squeeze(-1)
        return (
            None,
            _fold(scaled.unsqueeze(-1) * weights, xy),
            _fold(-0.5 * scaled, yy),
            None,
            _fold(scaled.unsqueeze(-1) * error, mean),
            _fold(scaled[..., None, None] * for_root, root),
            _fold(for_inverse, inverse),
        )


def log_evidence(*arguments: Tensor) -> Tensor:
    """`LogEvidence` of ``xx, xy, yy, n, mean, root, inverse``, ``[..., tasks, (components)]``."""
    if not torch.is_grad_enabled() or not any(argument.requires_grad for argument in arguments):
        return _value(*arguments)
    value: Tensor = LogEvidence.apply(*arguments)  # type: ignore[no-untyped-call]
    return value


def _value(
    xx: Tensor, xy: Tensor, yy: Tensor, n: Tensor, mean: Tensor, root: Tensor, inverse: Tensor
) -> Tensor:
    """The value alone, without what its gradient would need: half the time."""
    _, residual, precision, center = white_system(xx, xy, yy, mean, root, inverse)
    factor = torch.linalg.cholesky(precision)
    half = torch.linalg.solve_triangular(factor, center.unsqueeze(-1), upper=False).squeeze(-1)
    log_det = factor.diagonal(dim1=-2, dim2=-1).log().sum(-1)
    fit = half.square().sum(-1) - inverse * residual
    return 0.5 * (n * (inverse.log() - _LOG_2PI) + fit) - log_det


def white_system(
    xx: Tensor, xy: Tensor, yy: Tensor, mean: Tensor, root: Tensor, inverse: Tensor
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """``X'X R``, squared residuals at the prior mean, and the white posterior's precision and center."""
    shifted = (xx @ mean.unsqueeze(-1)).squeeze(-1)
    residual = yy - 2 * (mean * xy).sum(-1) + (mean * shifted).sum(-1)
    center = inverse.unsqueeze(-1) * (root.mT @ (xy - shifted).unsqueeze(-1)).squeeze(-1)
    weighted = xx @ root
    precision = inverse[..., None, None] * (root.mT @ weighted)
    precision = precision + torch.eye(root.shape[-1], dtype=xx.dtype, device=xx.device)
    return weighted, residual, precision, center


def _fold(gradient: Tensor, like: Tensor) -> Tensor:
    """Sum a gradient over the axes along which its argument was broadcast."""
    return gradient.sum_to_size(like.shape) if gradient.shape != like.shape else gradient
