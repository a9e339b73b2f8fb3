"""Which groups of features matter, by hand."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from bayes_mtl.diagnostics import inclusion
from bayes_mtl.priors import Independent
from tests.posterior.examples import example


def test_planted_sizes_are_called_by_what_they_are() -> None:
    """A feature's weights are alike in all tasks but for signs: the root mean square is their size."""
    posterior, _ = example(Independent(), draws=200, features=3)
    random = np.random.default_rng(0)
    sizes = np.stack(
        [random.uniform(0.02, 0.08, 200), random.uniform(0.5, 1.0, 200), random.uniform(0.0, 0.03, 200)], 1
    )
    signs = random.choice([-1.0, 1.0], (200, 3, 3, 1))
    weights = torch.ones(200, 3, 4, 1, dtype=torch.float64)
    weights[:, :, 1:] = torch.as_tensor(sizes[:, None, :, None] * signs)
    found = inclusion(replace(posterior, draws={**posterior.draws, "weights": weights}), level=0.8)
    assert list(found.index) == ["x1", "x0", "x2"]  # the largest first
    for i in range(3):
        row = found.loc[f"x{i}"]
        assert row["mean"] == pytest.approx(sizes[:, i].mean())
        assert [row["lower"], row["upper"]] == pytest.approx(np.quantile(sizes[:, i], [0.1, 0.9]).tolist())
        assert row["probability"] == (sizes[:, i] > 0.05).mean()
    assert found["probability"].loc["x1"] == 1 and found["probability"].loc["x2"] == 0
    assert found["call"].to_dict() == {"x1": "alive", "x0": "unsure", "x2": "dead"}
