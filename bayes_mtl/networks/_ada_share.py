"""Layers of a residual network of which each task uses some."""

from torch import Tensor, nn

from bayes_mtl._seed import seeded
from bayes_mtl.data import Batch
from bayes_mtl.networks._abstract_encoder import check_sizes
from bayes_mtl.networks._abstract_objective_network import AbstractObjectiveNetwork
from bayes_mtl.networks._captured import captured
from bayes_mtl.networks._choices import Baseline, Choices
from bayes_mtl.networks._places import at_observations
from bayes_mtl.networks._training_features import TrainingFeatures


class AdaShare(AbstractObjectiveNetwork):
    """A residual network in which each task executes a layer or skips it: ``h <- h + b[t, l] f_l(h)``.

    In training ``b[t, l] ~ Bernoulli(p[t, l])`` anew for each observation; in evaluation a task executes the
    layers with ``p >= 1/2``. Only observations that execute a layer pass through it.

    Parameters
    ----------
    in_features
        Number of features of the data (the intercept not counted).
    tasks
        Number of tasks of the data.
    width
        Of all layers, which is the output.
    layers
        Number of residual layers.
    penalty, prior_inclusion, baseline
        Of the choices, as for `MultiClustering`.
    activation
        Called after the first layer and inside of each residual one.
    seed
        Of the initial weights.

    Notes
    -----
    Reference: Sun, Panda, Feris and Saenko, AdaShare: learning what to share for efficient deep multi-task
    learning (NeurIPS 2020), which learns the policy by a Gumbel-softmax relaxation; here its gradient is that
    of the score function, and layers that are skipped are not evaluated in training either.
    """

    def __init__(
        self,
        in_features: int,
        tasks: int,
        width: int = 32,
        layers: int = 4,
        *,
        penalty: float = 0.0,
        prior_inclusion: float | None = None,
        baseline: Baseline = "leave-one-out",
        activation: type[nn.Module] = nn.ReLU,
        seed: int = 0,
    ) -> None:
        super().__init__()
        check_sizes(in_features=in_features, tasks=tasks, width=width, layers=layers)
        self.settings = {
            "in_features": in_features,
            "tasks": tasks,
            "width": width,
            "layers": layers,
            "penalty": penalty,
            "prior_inclusion": prior_inclusion,
            "baseline": baseline,
            "activation": activation,
            "seed": seed,
        }
        self.in_features, self.out_features, self.tasks = in_features, width, tasks
        self.choices = Choices(tasks, layers, penalty, prior_inclusion, baseline)
        with seeded(seed):
            self.first = nn.Sequential(nn.Linear(in_features, width), activation())
            self.layers = nn.ModuleList(
                nn.Sequential(nn.Linear(width, width), activation(), nn.Linear(width, width))
                for _ in range(layers)
            )

    def forward(
        self,
        x: Tensor,
        row: Tensor | None,
        task: Tensor,
        step: Tensor | None = None,
        length: Tensor | None = None,
    ) -> Tensor:
        """Features of each observation by its task's policy; arguments as for `MMoE`."""
        executed = self.policy().index_select(0, task)
        return self._through(at_observations(self.first(x), row, step), executed)

    def objective(self, batch: Batch) -> TrainingFeatures:
        executed = self.choices.draw(batch.task)
        self.choices.price(batch.scale)
        h = at_observations(self.first(batch.x), batch.row, batch.steps_of_observations())
        return TrainingFeatures(
            self._through(h, executed),
            lambda log_likelihood: self.choices.score(executed, batch.task, log_likelihood),
        )

    def policy(self) -> Tensor:
        """Which layers each task executes in evaluation, ``[tasks, layers]`` bool."""
        return self.choices.probabilities().detach() >= 0.5

    def _through(self, h: Tensor, executed: Tensor) -> Tensor:
        for i, layer in enumerate(self.layers):
            if captured():
                h = h + executed[:, i].unsqueeze(-1) * layer(h)
                continue
            where = executed[:, i].nonzero()[:, 0]
            if len(where):
                h = h.index_add(0, where, layer(h.index_select(0, where)).to(h.dtype))
        return h
