"""Whether two likelihoods say the same."""

from dataclasses import fields, is_dataclass

import torch
from pyro.distributions import ImproperUniform


def same(a: object, b: object) -> bool:
    """Whether two likelihoods, or two of their settings, are equal.

    Priors, which compare by identity, are equal here when they are of one family with the same
    parameters: so a likelihood that was written twice, or saved and loaded, is still one.
    """
    if a is b:
        return True
    if type(a) is not type(b):
        return False
    if isinstance(a, torch.Tensor) and isinstance(b, torch.Tensor):
        return a.shape == b.shape and torch.equal(a, b)
    if isinstance(a, ImproperUniform) and isinstance(b, ImproperUniform):
        return a.support is b.support and a.shape() == b.shape()
    if isinstance(a, torch.distributions.Distribution):
        # wrappers (transformed, masked, mixtures) keep their state elsewhere: only identity is safe
        names = tuple(getattr(a, "arg_constraints", {}))
        return bool(names) and all(same(getattr(a, name), getattr(b, name)) for name in names)
    if is_dataclass(a):
        return all(same(getattr(a, f.name), getattr(b, f.name)) for f in fields(a))
    return bool(a == b)
