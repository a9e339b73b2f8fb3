"""Latent features whose prior is made of the other tasks' features of the same class."""

from collections.abc import Mapping, Sequence
from copy import deepcopy
from typing import Any, ClassVar

import torch
from torch import Tensor, nn
from torch.distributions import Gumbel, Normal

from bayes_mtl._errors import InputError, message
from bayes_mtl.data import Batch, TaskData
from bayes_mtl.distributions import TaskMixture
from bayes_mtl.distributions._open_sources import open_sources
from bayes_mtl.networks._abstract_stochastic_network import AbstractStochasticNetwork
from bayes_mtl.networks._called import called
from bayes_mtl.networks._class_features import ClassFeatures
from bayes_mtl.networks._target_classes import TargetClasses
from bayes_mtl.networks._training_features import TrainingFeatures

_FIRST_LOG_SD, _LOWEST, _HIGHEST = -2.0, -6.0, 2.0


class RelatedFeatures(AbstractStochasticNetwork):
    """A shared encoder ``q(z | x)`` whose prior, in training, is a mixture of other tasks' features.

    ``p(z | task t, class c) = sum_i beta[t, i] N(z; mean[i, c], diag(var[i, c] + spread^2))`` over the other
    tasks ``i`` that have data for class ``c``, with the moments of their features after the previous steps,
    detached, and ``beta[t] = softmax((logits[t] + g) / temperature)`` with Gumbel noise ``g``. Targets that
    are no classes are cut into parts at quantiles of their task. A task alone has its own features as prior;
    a class that only one task has seen has N(0, 1) there.

    Parameters
    ----------
    network
        Encoder that all tasks share; two linear layers on its output give mean and log standard deviation.
    out_features
        Width of ``z``.
    spread
        Standard deviation that widens every component. It sets the scale of the features: the mixture alone
        would follow them to any.
    momentum
        Share of the newest batch in the moments: 1.0 suits steps on all data, 0.1 mini-batches.
    bins
        Parts into which targets are cut that are no classes. With one prior for all targets the best
        features under an evidence bound say nothing: what they tell of the target costs as much as it gains.
    temperature
        Of the Gumbel-softmax: at the first step, and from ``anneal`` steps on.
    anneal
        Steps in which the temperature changes, linearly.
    seed
        Of the initial weights of the two layers.
    tasks, classes
        Filled in from the data.

    Notes
    -----
    The targets choose the component, in training only: predictions draw ``z`` from the encoder. The share
    ``beta`` of each task (column) in the features' prior of each (row) is among the posterior's draws; its
    uncertainty is that of the Gumbel-softmax distribution at the learned logits.

    References
    ----------
    Shen, Zhen, Worring and Shao, Variational multi-task learning with Gumbel-softmax priors (NeurIPS 2021).
    """

    dim_names: ClassVar[Mapping[str, tuple[str, ...]]] = {"beta": ("task", "task_bis")}
    only_svi: ClassVar[str] = (
        "the prior of its features is made of the encoder's own output and is no fixed joint distribution"
    )

    logits: nn.Parameter
    steps: Tensor
    closed: Tensor

    def __init__(
        self,
        network: nn.Module,
        out_features: int = 32,
        *,
        spread: float = 0.3,
        momentum: float = 1.0,
        bins: int = 5,
        temperature: tuple[float, float] = (1.0, 0.5),
        anneal: int = 1000,
        seed: int = 0,
        tasks: int = 1,
        classes: int = 1,
    ) -> None:
        super().__init__()
        positive = {
            "out_features": out_features,
            "spread": spread,
            "momentum": momentum,
            "bins": bins,
            "temperature": min(temperature),
            "anneal": anneal,
        }
        for name, value in positive.items():
            if not value > 0 or (name == "momentum" and value > 1):
                raise InputError(message(name, "above 0 (momentum: at most 1)", value, "See its default."))
        self.settings: dict[str, Any] = {
            "network": network,
            "out_features": out_features,
            "spread": spread,
            "momentum": momentum,
            "bins": bins,
            "temperature": tuple(temperature),
            "anneal": anneal,
            "seed": seed,
            "tasks": tasks,
            "classes": classes,
        }  # what rebuilds it from a file
        self.out_features = out_features
        self.encoder = deepcopy(network)
        width: Any = network.out_features
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            self.mean = nn.Linear(width, out_features)
            self.log_sd = nn.Linear(width, out_features)
        with torch.no_grad():
            self.log_sd.weight.mul_(0.1)
            self.log_sd.bias.fill_(_FIRST_LOG_SD)
        self.related = ClassFeatures(tasks, classes, out_features, momentum)
        self.classes = TargetClasses(tasks, classes, bins)
        self.logits = nn.Parameter(torch.zeros(tasks, tasks + 1))
        itself = torch.eye(tasks, tasks + 1, dtype=torch.bool)
        itself[:, -1] = True
        if tasks == 1:
            itself[0, 0] = False
        self.register_buffer("closed", itself)
        self.register_buffer("steps", torch.zeros(()))

    def forward(
        self, x: Tensor, row: Tensor | None = None, task: Tensor | None = None, **more: Any
    ) -> Tensor:
        """Mean of ``q(z | x)`` of each observation, ``[observations, out_features]``."""
        mean: Tensor = self.mean(self.encoder(x, row, task, **more))
        return mean

    def _moments(self, batch: Batch) -> tuple[Tensor, Tensor]:
        hidden = called(self.encoder, batch)
        return self.mean(hidden), self.log_sd(hidden).clamp(_LOWEST, _HIGHEST).exp()

    def draw(self, batch: Batch, shape: Sequence[int]) -> Tensor:
        mean, sd = self._moments(batch)
        return mean + sd * torch.randn((*shape, *mean.shape), dtype=mean.dtype, device=mean.device)

    def objective(self, batch: Batch) -> TrainingFeatures:
        mean, sd = self._moments(batch)
        value = mean + sd * torch.randn_like(mean)
        own = Normal(mean, sd, validate_args=False).log_prob(value).sum(-1)
        targets = torch.zeros_like(batch.scale) if batch.y is None else batch.y
        label = self.classes(targets, batch.task)
        divergence = own - self.prior(batch.task, label).log_prob(value.unsqueeze(-1))
        classes = self.related.mean.shape[1]
        self.related.update(mean.detach(), sd.detach(), batch.task * classes + label, batch.scale)
        with torch.no_grad():
            self.steps.add_(1.0)
        return TrainingFeatures(value, lambda _: -divergence)

    def prior(self, task: Tensor, label: Tensor) -> TaskMixture:
        """Prior of features ``[..., out_features, 1]`` of observations of these tasks and classes."""
        mean, variance = self.related.moments()
        spread = self.settings["spread"]
        sd = (variance + spread**2).sqrt()
        base = torch.zeros_like(mean[:1])
        mean, sd = torch.cat([mean, base]), torch.cat([sd, base + 1.0])
        logits = open_sources(self._noisy((), self.logits), self.closed, self.classes.seen)
        return TaskMixture(
            mean[:, label].transpose(0, 1).unsqueeze(-1),
            sd[:, label].transpose(0, 1).unsqueeze(-1),
            logits.mT[task, label].unsqueeze(-1),
        )

    def _noisy(self, shape: Sequence[int], logits: Tensor) -> Tensor:
        first, last = self.settings["temperature"]
        temperature = first + (last - first) * (self.steps / self.settings["anneal"]).clamp(max=1.0)
        zero = torch.zeros((*shape, *logits.shape), dtype=logits.dtype, device=logits.device)
        noise = Gumbel(zero, zero + 1.0, validate_args=False).sample()
        return (logits + noise) / temperature

    def bind(self, data: TaskData, seen: Tensor) -> "RelatedFeatures":
        bins = 0 if bool(seen.any(1).all()) else self.settings["bins"]
        bound = self._of_size(len(seen), max(seen.shape[1], bins))
        bound.classes.fill(0, data, seen)
        return bound

    def _of_size(self, tasks: int, classes: int) -> "RelatedFeatures":
        sizes = {"network": self.encoder, "tasks": tasks, "classes": classes}
        other = RelatedFeatures(**{**self.settings, **sizes})
        other.mean, other.log_sd = deepcopy(self.mean), deepcopy(self.log_sd)
        return other

    def with_tasks(self, data: TaskData, seen: Tensor) -> "RelatedFeatures":
        old, classes = self.classes.seen.shape
        wide = self._of_size(old + len(seen), classes).requires_grad_(False)
        wide.encoder.eval()
        with torch.no_grad():
            wide.logits[:old, :old] = self.logits[:, :old]
            for name in ("mean", "square"):
                getattr(wide.related, name)[:old] = getattr(self.related, name)
            for name in ("seen", "edges", "own"):
                getattr(wide.classes, name)[:old] = getattr(self.classes, name)
            wide.classes.fill(old, data, seen)
            wide.closed[:old, :old] = self.closed[:, :old]
            wide.closed[:, old:-1] = True
            wide.steps.copy_(self.steps)
        wide.logits.requires_grad_(True)
        return wide.to(self.logits.device)

    def derive(self, number: int) -> dict[str, Tensor]:
        """``beta``, ``[number, tasks, tasks]``: share of each task (column) in the prior of each (row)."""
        with torch.no_grad():
            logits = self._noisy((number,), self.logits).masked_fill(self.closed, -torch.inf)
            return {"beta": logits.softmax(-1)[..., :-1]}
