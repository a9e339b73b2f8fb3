"""However batches are drawn, the mean of the loss over them is the loss on all the data."""

from typing import Any

import numpy as np
import pytest
import torch
from pyro import poutine

from bayes_mtl._errors import InputError
from bayes_mtl._seed import seeded
from bayes_mtl.data import ByGap, RoundRobin
from bayes_mtl.inference import SVI
from bayes_mtl.inference._batches_of import batches_of
from bayes_mtl.inference._local import local_parameters
from bayes_mtl.inference._make_guide import make_guide
from tests.inference import rules

DRAWN: dict[str, dict[str, Any]] = {
    "epochs": {},
    "tempered": {"temperature": 3.0},
    "round robin": {"schedule": RoundRobin()},
    "gap": {"schedule": ByGap({"a": 0.7, "b": 0.5, "c": 0.4}, {"a": 0.8, "b": 0.8, "c": 0.8})},
}


@pytest.mark.parametrize("how", DRAWN)
def test_expectation_of_the_elbo(how: str) -> None:
    """At fixed draws of the latent sites, whose part of the ELBO does not depend on the batch."""
    svi, data = SVI(batch_size=12, **DRAWN[how]), rules.data()
    with seeded(0), local_parameters(), torch.no_grad():
        program = rules.model().program(data)
        whole = program.batch(data)
        drawn = poutine.trace(make_guide(svi.guide, program, {})).get_trace(whole)

        def traced(batch: Any) -> poutine.Trace:
            return poutine.trace(poutine.replay(program, trace=drawn)).get_trace(batch)

        full = traced(whole)
        total = float(full.log_prob_sum())
        own = full.nodes["y"]["fn"].log_prob(whole.y)
        rest = total - float(own.sum())
        source, _ = batches_of(
            program, data, svi.batch_size, svi.temperature, 0, torch.device("cpu"), svi.schedule
        )
        found = np.empty(6_000)
        for step in range(len(found)):
            choice = source.draw()
            found[step] = rest + float((choice["factor"] * own[choice["index"]]).sum())
            if step < 3:
                # Sums of 12 terms in float32.
                assert found[step] == pytest.approx(
                    float(traced(source.assemble(**choice)).log_prob_sum()), rel=1e-4
                )
    cycles = found.reshape(2_000, 3).mean(1)  # three tasks take turns
    # 4 standard errors of 2,000 cycles of steps
    assert abs(cycles.mean() - total) < 4 * cycles.std(ddof=1) / np.sqrt(2_000)
    assert cycles.std() > 0.01 * abs(total)


def test_schedules_train() -> None:
    svi = SVI(steps=40, batch_size=20, draws=2, progress=False, compile=False, schedule=RoundRobin())
    losses = svi.run(rules.model(), rules.data()).record.losses
    assert losses[-12:].mean() < losses[:12].mean()


@pytest.mark.parametrize("settings", [{}, {"batch_size": 10, "temperature": 2.0}])
def test_a_schedule_needs_batches_of_its_own(settings: dict[str, Any]) -> None:
    with pytest.raises(InputError, match=r"^schedule: expected with a batch_size and without a temperature"):
        SVI(schedule=RoundRobin(), **settings)
