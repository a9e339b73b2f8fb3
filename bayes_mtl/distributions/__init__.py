"""Distributions that PyTorch and Pyro lack."""

from bayes_mtl.distributions._log_upper_gamma import log_upper_gamma
from bayes_mtl.distributions._right_censored import RightCensored
from bayes_mtl.distributions._stick_breaking import StickBreaking
from bayes_mtl.distributions._weight_mixture import WeightMixture

__all__ = ["RightCensored", "StickBreaking", "WeightMixture", "log_upper_gamma"]
