"""The models of the step benchmark in NumPyro, steps in one ``lax.scan``: run by the peers' Python."""

import sys
import time

import jax
import jax.numpy as jnp
import numpy as np
import numpyro
import numpyro.distributions as dist
from jax import lax, random
from jax.scipy.special import logsumexp
from numpyro import handlers
from numpyro.infer import SVI, Trace_ELBO
from numpyro.infer.autoguide import AutoNormal


def clusters(tasks, size, components=4):
    """A: regressions whose weights come from a mixture of Gaussians, its assignments summed out."""

    def model(x, task, y, factor):
        share = numpyro.sample("share", dist.Dirichlet(jnp.ones(components)))
        mean = numpyro.sample("mean", dist.Normal(0.0, 1.0).expand([components, size]).to_event(2))
        sd = numpyro.sample("sd", dist.HalfNormal(1.0).expand([components, size]).to_event(2))
        noise = numpyro.sample("noise", dist.HalfNormal(1.0))
        with numpyro.plate("tasks", tasks, dim=-1):
            w = numpyro.sample("w", dist.Normal(0.0, 1.0).expand([size]).to_event(1).mask(False))
            each = dist.Normal(mean, sd).to_event(1).log_prob(w[..., None, :]) + jnp.log(share)
            numpyro.factor("mixture", logsumexp(each, -1))
        with numpyro.plate("rows", len(y), dim=-1), handlers.scale(scale=factor):
            numpyro.sample("y", dist.Normal((x * w[task]).sum(-1), noise), obs=y)

    return model, AutoNormal(model)


def logistic(tasks, size):
    """B: logistic regressions whose weights come from one Gaussian."""

    def model(x, task, y, factor):
        mean = numpyro.sample("mean", dist.Normal(0.0, 1.0).expand([size]).to_event(1))
        sd = numpyro.sample("sd", dist.HalfNormal(1.0).expand([size]).to_event(1))
        with numpyro.plate("tasks", tasks, dim=-1):
            white = numpyro.sample("white", dist.Normal(0.0, 1.0).expand([size]).to_event(1))
        w = mean + sd * white
        with numpyro.plate("rows", len(y), dim=-1), handlers.scale(scale=factor):
            numpyro.sample("y", dist.Bernoulli(logits=(x * w[task]).sum(-1)), obs=y)

    return model, AutoNormal(model)


def related(tasks, size, classes, spread=0.5):
    """C: classifiers, each one's prior a Gumbel-softmax mixture of the others' current posteriors."""
    itself, shape = jnp.eye(tasks, dtype=bool), (tasks, size, classes)

    def moments():
        loc = numpyro.param("loc", lambda key: 0.01 * random.normal(key, shape))
        return loc, jnp.exp(numpyro.param("log_sd", jnp.full(shape, -2.3)))

    def model(x, task, y, factor):
        loc, sd = (lax.stop_gradient(value) for value in moments())
        logits = numpyro.param("logits", jnp.zeros((tasks, tasks)))
        with numpyro.plate("tasks", tasks, dim=-1):
            noise = numpyro.sample("noise", dist.Gumbel(jnp.zeros(tasks), 1.0).to_event(1))
            share = jax.nn.log_softmax(jnp.where(itself, -jnp.inf, logits + noise), -1)
            w = numpyro.sample("w", dist.Normal(0.0, 1.0).expand([size, classes]).to_event(2).mask(False))
            wide = jnp.sqrt(sd**2 + spread**2)
            each = dist.Normal(loc, wide).log_prob(w[..., None, :, :]).sum(-2)
            numpyro.factor("mixture", logsumexp(share[..., None] + each, -2).sum(-1))
        f = (x @ w)[task, jnp.arange(len(y))]  # of all tasks: cheaper than a copy of w for each row
        with numpyro.plate("rows", len(y), dim=-1), handlers.scale(scale=factor):
            numpyro.sample("y", dist.Categorical(logits=f), obs=y)

    def guide(x, task, y, factor):
        loc, sd = moments()
        with numpyro.plate("tasks", tasks, dim=-1):
            numpyro.sample("noise", dist.Gumbel(jnp.zeros(tasks), 1.0).to_event(1))
            numpyro.sample("w", dist.Normal(loc, sd).to_event(2))

    return model, guide


def main(path):
    """Answer each number of steps that comes in with the seconds that they took."""
    data = np.load(path)
    case, size = str(data["case"]), int(data["batch"]) or len(data["y"])
    x, task = jnp.asarray(data["x"]), jnp.asarray(data["task"])
    y = jnp.asarray(data["y"], dtype=jnp.int32 if case == "C" else jnp.float32)
    tasks, classes = int(task.max()) + 1, int(y.max()) + 1
    model, guide = {
        "A": lambda: clusters(tasks, x.shape[1]),
        "B": lambda: logistic(tasks, x.shape[1]),
        "C": lambda: related(tasks, x.shape[1], classes),
    }[case]()
    svi = SVI(model, guide, numpyro.optim.Adam(0.01), Trace_ELBO())
    factor = len(y) / size

    def step(carry, _):
        state, key = carry
        if size == len(y):
            state, loss = svi.update(state, x, task, y, factor)
        else:
            key, own = random.split(key)
            index = random.randint(own, (size,), 0, len(y))
            state, loss = svi.update(state, x[index], task[index], y[index], factor)
        return (state, key), loss

    def scan(carry, steps):
        return lax.scan(step, carry, None, length=steps)

    many = jax.jit(scan, static_argnums=1, donate_argnums=0)
    state = svi.init(random.PRNGKey(0), x[:size], task[:size], y[:size], factor)
    carry = (state, random.PRNGKey(1))
    compiled = set()
    print("ready", flush=True)
    for line in sys.stdin:
        steps = int(line)
        if steps not in compiled:  # the first call of a length compiles, and does not count
            carry, losses = many(carry, steps)
            losses.block_until_ready()
            compiled.add(steps)
        began = time.perf_counter()
        carry, losses = many(carry, steps)
        losses.block_until_ready()
        print(time.perf_counter() - began, flush=True)
        assert np.isfinite(losses).all()


if __name__ == "__main__":
    main(sys.argv[1])
