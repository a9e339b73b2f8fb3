"""What is known of the tasks' weights before the fit: where a prior may start."""

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor


@dataclass(frozen=True, eq=False)
class Estimates:
    """Rough estimates of all tasks' weights, standardised scale. Starting values only.

    Attributes
    ----------
    weights
        ``[tasks, features, outputs]``: ridge estimate of each task, shrunk towards the pooled one.
    mean
        ``[features, outputs]``: mean of the population under one Gaussian.
    covariance
        ``[outputs, features, features]``: its covariance.
    shrunk
        ``[tasks, features, outputs]``: the tasks' weights under that population.
    """

    weights: Float[Tensor, "tasks features outputs"]
    mean: Float[Tensor, "features outputs"]
    covariance: Float[Tensor, "outputs features features"]
    shrunk: Float[Tensor, "tasks features outputs"]

    def scale(self) -> Float[Tensor, "features outputs"]:
        """Standard deviations of the population, ``[features, outputs]``."""
        return self.covariance.diagonal(dim1=-2, dim2=-1).sqrt().mT

    def correlation(self) -> Float[Tensor, "features features"]:
        """Cholesky factor of the correlation, averaged over outputs, ``[features, features]``."""
        scale = self.covariance.diagonal(dim1=-2, dim2=-1).sqrt()
        correlation = (self.covariance / (scale.unsqueeze(-1) * scale.unsqueeze(-2))).mean(0)
        # Away from the boundary, where the unconstrained factor would start at infinity.
        shrunk = 0.98 * correlation + 0.02 * torch.eye(len(correlation), dtype=correlation.dtype)
        return torch.linalg.cholesky(shrunk)

    def noise(
        self,
        scale: Float[Tensor, "features outputs"],
        correlation: Float[Tensor, "features features"] | None = None,
    ) -> Float[Tensor, "tasks features outputs"]:
        """Standard normal noise that gives the shrunk weights, ``[tasks, features, outputs]``."""
        white = (self.shrunk - self.mean) / scale
        return (
            white if correlation is None else torch.linalg.solve_triangular(correlation, white, upper=False)
        )
