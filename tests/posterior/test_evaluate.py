"""The likelihood of all observations together."""

from dataclasses import replace

import numpy as np

from bayes_mtl.posterior._evaluate import log_likelihood, total_log_likelihood
from tests.posterior.examples import example


def test_an_observation_of_weight_two_counts_twice() -> None:
    posterior, data = example(draws=4)
    program, number = posterior.program, len(data)
    weight = np.where(np.arange(number) % 3 == 0, 2.0, 1.0)
    weighted = program.batch(replace(data, weight=weight))
    found = total_log_likelihood(program, posterior.draws, weighted).double().numpy()
    rows = data.subset(np.repeat(np.arange(number), weight.astype(int)))
    twice = total_log_likelihood(program, posterior.draws, program.batch(rows)).double().numpy()
    np.testing.assert_allclose(found, twice, rtol=1e-5)  # sums of 24 terms in float32
    each = log_likelihood(program, posterior.draws, weighted).double().numpy()
    np.testing.assert_allclose(found, each @ weight, rtol=1e-5)
