"""The hierarchical models of the benchmarks of chains and of time to quality, in NumPyro."""

import json
import os
import sys
import time

os.environ.setdefault("XLA_FLAGS", "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1")

import jax
import jax.numpy as jnp
import numpy as np
import numpyro
import numpyro.distributions as dist
from _held_out import log_densities, mean_log_density
from jax import lax, random
from numpyro.handlers import scale as scaled
from numpyro.infer import MCMC, NUTS, SVI, Predictive, Trace_ELBO
from numpyro.infer.autoguide import (
    AutoLowRankMultivariateNormal,
    AutoMultivariateNormal,
    AutoNormal,
)
from numpyro.infer.initialization import init_to_uniform

START = init_to_uniform(radius=0.1)
"""Its usual radius of 2 finds no finite density with a correlation of 28 features in float32."""
GUIDES = {
    "mean field": AutoNormal,
    "low rank": AutoLowRankMultivariateNormal,
    "full rank": AutoMultivariateNormal,
}


def program(tasks, size, full, binary, known, centred):
    """Regressions or classifiers whose weights come from one Gaussian population."""

    def model(x, task, y, factor=1.0):
        mean = numpyro.sample("mean", dist.Normal(0.0, 1.0).expand([size]).to_event(1))
        scale = numpyro.sample("scale", dist.HalfNormal(1.0).expand([size]).to_event(1))
        root = jnp.diag(scale)
        if full:
            root = scale[:, None] * numpyro.sample("correlation", dist.LKJCholesky(size, 1.0))
        with numpyro.plate("tasks", tasks, dim=-1):
            if not centred:
                white = numpyro.sample("white", dist.Normal(0.0, 1.0).expand([size]).to_event(1))
                w = mean + (white @ root.T if full else white * scale)
            elif full:
                w = numpyro.sample("weights", dist.MultivariateNormal(mean, scale_tril=root))
            else:
                w = numpyro.sample("weights", dist.Normal(mean, scale).to_event(1))
        if not centred:
            numpyro.deterministic("weights", w)
        f = (x * w[task]).sum(-1)
        if not binary:
            noise = known if known is not None else numpyro.sample("noise", dist.HalfNormal(1.0))
        with numpyro.plate("rows", len(y), dim=-1), scaled(scale=factor):
            numpyro.sample("y", dist.Bernoulli(logits=f) if binary else dist.Normal(f, noise), obs=y)

    return model


class Compiling:
    """Seconds that JAX spends on tracing and compiling, wall time."""

    def __init__(self):
        self.seconds = 0.0
        jax.monitoring.register_event_duration_secs_listener(self._add)

    def _add(self, name, seconds, **_):
        if name.endswith(("jaxpr_trace_duration", "mlir_module_duration", "backend_compile_duration")):
            self.seconds += seconds


def chains(model, arguments, settings):
    """Chains one after the other; time spent on compiling is taken out."""
    kernel = NUTS(model, target_accept_prob=settings["target_accept"], init_strategy=START)
    mcmc = MCMC(
        kernel,
        num_warmup=settings["warmup"],
        num_samples=settings["draws"],
        num_chains=1,
        progress_bar=False,
    )
    wall, cpu, compiling, found, steps = 0.0, 0.0, Compiling(), [], []
    for i in range(settings["chains"]):
        before, began, used = compiling.seconds, time.perf_counter(), time.process_time()
        key = random.PRNGKey(settings["seed"] + i)
        mcmc.warmup(key, *arguments, extra_fields=("num_steps",), collect_warmup=True)
        warm = np.asarray(mcmc.get_extra_fields()["num_steps"])
        mcmc.run(mcmc.post_warmup_state.rng_key, *arguments, extra_fields=("num_steps",))
        found.append({name: np.asarray(value) for name, value in mcmc.get_samples().items()})
        steps.append(np.concatenate([warm, np.asarray(mcmc.get_extra_fields()["num_steps"])]))
        spent, used = time.perf_counter() - began, time.process_time() - used
        # compiling is one thread's work, too: it had the same share of the core
        kept = 1 - (compiling.seconds - before) / spent
        wall, cpu = wall + kept * spent, cpu + kept * used
        mcmc.post_warmup_state = None
    draws = {name: np.stack([one[name] for one in found]) for name in found[0]}
    draws.pop("white", None)
    if "correlation" in draws:
        root = draws.pop("correlation")
        draws["correlations"] = root @ root.swapaxes(-1, -2)
    record = {"wall": wall, "cpu": cpu, "setup": compiling.seconds, "steps": np.stack(steps)}
    return draws, record


def curve(model, data, arguments, settings):
    """Steps in blocks of one scan, the held-out log density after each: seconds and its value."""
    guide = GUIDES[settings["guide"]](model, init_loc_fn=START)
    svi = SVI(model, guide, numpyro.optim.Adam(settings["rate"]), Trace_ELBO())
    x, task, y = arguments
    size = settings["batch"] or len(y)

    def step(carry, _):
        state, key = carry
        if size == len(y):
            state, loss = svi.update(state, x, task, y)
        else:
            key, own = random.split(key)
            index = random.randint(own, (size,), 0, len(y))
            state, loss = svi.update(state, x[index], task[index], y[index], len(y) / size)
        return (state, key), loss

    many = jax.jit(lambda carry: lax.scan(step, carry, None, length=settings["block"]), donate_argnums=0)
    started, points = time.perf_counter(), []
    state = svi.init(random.PRNGKey(settings["seed"]), x[:size], task[:size], y[:size], len(y) / size)
    carry = (state, random.PRNGKey(settings["seed"] + 1))
    many = many.lower(carry).compile()
    setup, wall, cpu = time.perf_counter() - started, 0.0, 0.0

    @jax.jit
    def drawn(key, params):
        posterior = svi.guide.sample_posterior(key, params, sample_shape=(settings["judged"],))
        return Predictive(model, posterior, batch_ndims=1)(key, x[:1], task[:1], y[:1]), posterior

    while wall < settings["seconds"]:
        began, used = time.perf_counter(), time.process_time()
        carry, losses = many(carry)
        losses.block_until_ready()
        wall += time.perf_counter() - began
        cpu += time.process_time() - used
        more, posterior = drawn(random.PRNGKey(7), svi.get_params(carry[0]))
        weights = np.asarray(more.get("weights", posterior.get("weights")))
        noise = np.asarray(posterior["noise"]) if "noise" in posterior else None
        each = log_densities(weights, noise, data["x_test"], data["task_test"], data["y_test"])
        points.append((wall, cpu, mean_log_density(each)))
    return points, setup


def main(path, out, text):
    """One method on one file of data."""
    settings, data = json.loads(text), np.load(path)
    binary, full = bool(data["binary"]), bool(data["full"])
    known = jnp.asarray(data["noise"], jnp.float32) if "noise" in data else None
    arguments = (
        jnp.asarray(data["x"], jnp.float32), jnp.asarray(data["task"]), jnp.asarray(data["y"], jnp.float32)
    )  # fmt: skip
    model = program(int(data["tasks"]), data["x"].shape[1], full, binary, known, settings["centred"])
    if settings["method"] == "NUTS":
        draws, record = chains(model, arguments, settings)
        np.savez(out, **draws, **{f"record_{name}": value for name, value in record.items()})
    else:
        points, setup = curve(model, data, arguments, settings)
        np.savez(out, record_curve=np.asarray(points), record_setup=setup)


if __name__ == "__main__":
    main(*sys.argv[1:])
