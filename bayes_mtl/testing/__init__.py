"""Contracts of the library's parts, for classes of your own: one call raises the first rule broken.

Each function takes an instance, runs it on small data sets and raises `CheckFailed` with what was
expected, what was found and how to mend it. They need no test framework; in pytest a call is a test.
"""

from bayes_mtl._errors import CheckFailed
from bayes_mtl.testing._check_inference import check_inference
from bayes_mtl.testing._check_likelihood import check_likelihood
from bayes_mtl.testing._check_model import check_model
from bayes_mtl.testing._check_network import check_network
from bayes_mtl.testing._check_prior import check_prior

__all__ = [
    "CheckFailed",
    "check_inference",
    "check_likelihood",
    "check_model",
    "check_network",
    "check_prior",
]
