"""Tasks of several kinds with missing labels: nothing but the observed ones counts."""

import numpy as np
import pyro
import torch
from pyro import poutine
from pyro.poutine.util import site_is_subsample
from torch import Tensor, distributions, nn

from bayes_mtl.data import Minibatches, TaskData
from bayes_mtl.likelihoods import Bernoulli, Categorical, Gaussian, Mixed, Poisson
from bayes_mtl.model import MultiTaskModel
from bayes_mtl.priors import Independent

ROWS, STEPS, WIDTH, HIDDEN, CLASSES = 40, 5, 3, 4, 3
RANDOM = np.random.default_rng(0)
LENGTH = RANDOM.integers(1, STEPS + 1, ROWS)
X = RANDOM.normal(size=(ROWS, STEPS, WIDTH))
TARGETS = {
    "death": RANDOM.integers(0, 2, ROWS).astype(float),
    "size": RANDOM.normal(size=ROWS),
    "visits": RANDOM.poisson(2.0, ROWS).astype(float),
    "stage": RANDOM.integers(0, CLASSES, (ROWS, STEPS)).astype(float),
}
for values in TARGETS.values():
    values[RANDOM.random(values.shape) < 0.4] = np.nan
    values.flat[:2] = [0.0, 1.0]
LIKELIHOOD = Mixed(
    {"death": Bernoulli(), "size": Gaussian(), "visits": Poisson(), "stage": Categorical(classes=CLASSES)}
)


class Running(nn.Module):
    """Features of all steps up to the observation's own."""

    out_features = HIDDEN

    def __init__(self) -> None:
        super().__init__()
        self.cell = nn.GRU(WIDTH, HIDDEN, batch_first=True)

    def forward(
        self, x: Tensor, row: Tensor | None, task: Tensor, step: Tensor, length: Tensor | None
    ) -> Tensor:
        states = self.cell(x)[0]
        return states[torch.arange(len(task)) if row is None else row, step]


def made() -> TaskData:
    per_sequence = {name: TARGETS[name] for name in ("death", "size", "visits")}
    return TaskData.from_sequences(
        X, lengths=LENGTH, per_sequence=per_sequence, per_step={"stage": TARGETS["stage"]}
    )


def separate(states: Tensor, weights: Tensor, scale: Tensor) -> Tensor:
    """The sum of each task's own loss, written out over a dense table with a mask."""
    total = torch.zeros((), dtype=torch.float64)
    rows, last = torch.arange(ROWS), torch.as_tensor(LENGTH) - 1
    for name, w in zip(("death", "size", "visits", "stage"), weights, strict=True):
        table = torch.as_tensor(TARGETS[name])
        used = ~table.isnan()
        own = states if name == "stage" else states[rows, last]
        if name == "stage":
            used = used & (torch.arange(STEPS) < torch.as_tensor(LENGTH)[:, None])
        f, y = w[0] + own[used] @ w[1:], table[used]
        each: dict[str, distributions.Distribution] = {
            "death": distributions.Bernoulli(logits=f[:, 0]),
            "size": distributions.Normal(f[:, 0], scale),
            "visits": distributions.Poisson(f[:, 0].exp()),
            "stage": distributions.Categorical(logits=f),
        }
        total = total - each[name].log_prob(y).sum()
    return total


def test_loss_and_gradients_are_the_sum_of_separate_ones() -> None:
    data = made()
    torch.manual_seed(1)
    network = Running().double()
    model = MultiTaskModel(Independent(), LIKELIHOOD, network, standardize=False)
    program = model.program(data)
    weights = torch.randn(4, 1 + HIDDEN, CLASSES, dtype=torch.float64)
    weights[:3, :, 1:] = 0.0  # outputs that these tasks do not use
    weights.requires_grad_()
    scale = torch.tensor(0.7, dtype=torch.float64, requires_grad=True)
    batch = program.batch(data, dtype=torch.float64)
    trained = program.network
    assert trained is not None
    parameters = {"gaussian.scale": scale}
    f = program.predictor(batch, weights, None)
    loss = -program.likelihood.distribution(f, batch, parameters).log_prob(batch.y).sum()
    oracle = separate(network.cell(torch.as_tensor(X))[0], weights, scale)
    torch.testing.assert_close(loss, oracle, rtol=1e-12, atol=0)  # float64 sums in another order
    found = torch.autograd.grad(loss, [weights, scale, *trained.parameters()])
    expected = torch.autograd.grad(oracle, [weights, scale, *network.parameters()])
    for one, other in zip(found, expected, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-9, atol=1e-10)  # float64 sums in another order


def test_minibatches_of_rows_are_unbiased() -> None:
    """The mean over an epoch's batches is the loss of all observations: 40 rows in 4 batches of 10."""
    data = made()
    program = MultiTaskModel(Independent(), LIKELIHOOD, Running()).program(data)
    stream = Minibatches(data, program.scaling, 10, by_rows=True, dtype=torch.float64)
    program.double()
    # Pyro's validation refuses the scale 0 of places that fill a batch up; the fits switch it off.
    with torch.no_grad(), poutine.seed(rng_seed=0), pyro.validation_enabled(False):
        everything = program.batch(data, dtype=torch.float64)
        trace = poutine.trace(program).get_trace(everything)
        latents = {
            name: site["value"]
            for name, site in trace.nodes.items()
            if site["type"] == "sample" and name != "y" and not site_is_subsample(site)
        }
        held = pyro.condition(program, data=latents)

        def log_likelihood(batch: object) -> Tensor:
            again = poutine.trace(held).get_trace(batch)
            again.compute_log_prob(lambda name, site: name == "y")
            found: Tensor = again.nodes["y"]["log_prob_sum"]
            return found

        mean = torch.stack([log_likelihood(stream.next()) for _ in range(4)]).mean()
        torch.testing.assert_close(mean, log_likelihood(everything), rtol=1e-10, atol=0)
