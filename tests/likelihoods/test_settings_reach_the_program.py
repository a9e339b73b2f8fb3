"""Every prior of a likelihood's parameters is that of their site."""

from dataclasses import fields, replace

import pytest
import torch
from pyro import poutine
from pyro.distributions import Distribution, LogNormal, Normal

from bayes_mtl._seed import seeded
from bayes_mtl._shapes import Dims
from bayes_mtl.likelihoods import AbstractLikelihood
from tests.likelihoods.cases import CASES

SITES = {
    "scale": "noise_scale",
    "df": "noise_df",
    "concentration": "noise_concentration",
    "increments": "cutpoint_increments",
    "first": "first_cutpoint",
}
"""Site of each field that is a distribution; a new one has to have its own."""
KNOWN, WITH_INTERCEPT = {("gaussian_known", "scale")}, {("ordinal", "first")}
"""What these do not sample."""


def priors(likelihood: AbstractLikelihood) -> list[str]:
    names = [field.name for field in fields(likelihood)]  # type: ignore[arg-type]
    return [name for name in names if isinstance(getattr(likelihood, name), Distribution)]


@pytest.mark.parametrize(
    ("case", "field"), [(name, field) for name, case in CASES.items() for field in priors(case.likelihood)]
)
def test_a_prior_is_that_of_its_site(case: str, field: str) -> None:
    data, other = CASES[case].data(), Normal(0.4, 1.7) if field == "first" else LogNormal(0.4, 0.7)
    changed: AbstractLikelihood = replace(CASES[case].likelihood, **{field: other})  # type: ignore[type-var]
    bound, dims = changed.bind(data), Dims(3, 2, intercept=data.schema.intercept)
    with seeded(0), torch.no_grad():
        trace = poutine.trace(bound.parameters).get_trace(dims)
    if (case, field) in KNOWN | WITH_INTERCEPT:
        assert SITES[field] not in trace
        return
    trace.compute_log_prob()
    site = trace.nodes[SITES[field]]
    # rounding of float32
    assert float(site["log_prob_sum"]) == pytest.approx(float(other.log_prob(site["value"]).sum()), rel=1e-5)
