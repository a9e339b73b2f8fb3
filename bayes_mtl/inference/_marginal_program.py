"""The program of a collapsed model in as few rows and hyperparameters as can be."""

from collections.abc import Iterator

import pyro
import torch
from pyro import poutine
from torch import Tensor

from bayes_mtl.inference._collapsed_program import CollapsedProgram
from bayes_mtl.inference._evidence import prior_arguments
from bayes_mtl.inference._log_marginal import log_marginal
from bayes_mtl.inference._reduced_rows import ReducedRows
from bayes_mtl.inference._shared_posterior import shared_posterior
from bayes_mtl.inference._shared_weights import SharedWeights
from bayes_mtl.inference._white_system import times
from bayes_mtl.priors import at_draws


class MarginalProgram:
    """Call it without arguments: it samples hyperparameters and adds the evidence of all tasks.

    A population's mean and the fixed weights are integrated out as well: they are Gaussian given the rest, as
    many numbers as there are features, and as correlated as these, which costs chains most of their steps.
    A system of equations is as large as the rows of a task, if these are fewer than its weights.

    Parameters
    ----------
    collapsed
        The program with the weights integrated out.
    sites
        What more is, of `shared_weights`; may be none.
    """

    def __init__(self, collapsed: CollapsedProgram, sites: tuple[SharedWeights, ...]) -> None:
        self.collapsed, self.sites = collapsed, sites
        self.rows = ReducedRows.of(collapsed.statistics)
        size = collapsed.dims.features
        own, fixed = self.rows.design[..., :size], self.rows.design[..., size:]
        self._own, self._error = own.contiguous(), self.rows.response
        parts = [own[..., :0]]
        for site in sites:
            if site.fixed:
                self._error = self._error - fixed @ site.loc
            columns = fixed if site.fixed else self._own
            parts.append(columns if bool((site.scale == 1).all()) else columns * site.scale)
        # One part as it is: no copy of it.
        self._shared = parts[-1] if len(sites) < 2 else torch.cat(parts, -1)
        self._constant = 0.5 * self.rows.log_precision.sum() + collapsed.jacobian.sum()

    @property
    def numbers(self) -> int:
        """Numbers in the largest matrices of one call."""
        return self._own[..., 0].numel() * max(self._own.shape[1:] + self._shared.shape[2:])

    def _arguments(self) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Sample the other hyperparameters; mean, error, root and inverse of the noise variance."""
        collapsed = self.collapsed
        values = {site.name: site.loc.reshape(site.shape) for site in self.sites}
        with poutine.block(hide=list(values)), poutine.condition(data=values):
            moments = collapsed.prior.moments(collapsed.dims)
        noise = collapsed.program.likelihood.parameters(collapsed.dims).get("scale", 1.0)
        mean, root, inverse = prior_arguments(moments, noise, self._own.dtype)
        return mean, self._error - (self._own @ mean.unsqueeze(-1)).squeeze(-1), root, inverse

    def __call__(self) -> None:
        _, error, root, inverse = self._arguments()
        rows = self.rows
        log = log_marginal(self._own, self._shared, error, rows.left, rows.n, root, inverse)
        with pyro.plate("evidence_of_tasks", 1, dim=-1):
            pyro.factor("evidence", (log + self._constant).unsqueeze(-1))

    def draw(self, values: dict[str, Tensor], each: int) -> dict[str, Tensor]:
        """Exact draws of all that is integrated out, ``each`` given every draw of the rest.

        The weights by Matheron's rule: a draw of weights and rows from the prior, moved by what the rows of
        the data differ from it. That is no larger a system than the evidence's own.

        Parameters
        ----------
        values
            ``[draws, tasks or 1, *event]`` of each site.
        each
            How many.

        Returns
        -------
        dict of str to Tensor
            ``[each * draws, tasks or 1, *event]`` by site, "weights" among them.
        """
        count = next(iter(values.values())).shape[0]
        mean, error, root, inverse = at_draws(self._arguments, values)
        found = shared_posterior(self._own, self._shared, error, root, inverse)
        tasks, rows = self._shared.shape[:2]
        white = found.draw(count, each)
        moved = white.flatten(0, 1) @ self._shared.flatten(0, 1).mT
        prior = torch.randn(count, tasks, each, root.shape[-1], dtype=error.dtype)
        left = error.unsqueeze(-2) - prior @ found.rotated.mT
        left = left - moved.reshape(count, each, tasks, rows).transpose(-2, -3)
        left = left - inverse.rsqrt()[..., None, None] * torch.randn_like(left)
        solved = torch.cholesky_solve(left.mT, found.rows).mT * inverse[..., None, None]
        weights = mean.unsqueeze(-2) + times(prior + solved @ found.rotated, root.mT)
        for site, part in self._parts(white):
            if not site.fixed:
                weights = weights + (site.scale * part).unsqueeze(-3)
        weights = weights.permute(2, 0, 1, 3).reshape(each * count, tasks, -1, 1)
        return {**self._named(white), "weights": weights}

    def draw_shared(self, values: dict[str, Tensor]) -> dict[str, Tensor]:
        """The same without the weights of tasks, one for every draw of the rest."""
        _, error, root, inverse = at_draws(self._arguments, values)
        found = shared_posterior(self._own, self._shared, error, root, inverse)
        return self._named(found.draw(next(iter(values.values())).shape[0], 1))

    def _parts(self, white: Tensor) -> Iterator[tuple[SharedWeights, Tensor]]:
        """Sites, and their part of ``white [..., shared]``."""
        yield from zip(self.sites, white.split([site.loc.numel() for site in self.sites], -1), strict=True)

    def _named(self, white: Tensor) -> dict[str, Tensor]:
        """Values ``[each * draws, 1, *event]`` of ``white [draws, each, shared]``."""
        together = white.transpose(0, 1).flatten(0, 1).unsqueeze(1)
        return {site.name: site.value(part) for site, part in self._parts(together)}
