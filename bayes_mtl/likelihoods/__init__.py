"""Likelihoods: from the linear predictor of each observation to a distribution of its target."""

from bayes_mtl.likelihoods._abstract import AbstractLikelihood
from bayes_mtl.likelihoods._bernoulli import Bernoulli
from bayes_mtl.likelihoods._binomial import Binomial
from bayes_mtl.likelihoods._categorical import Categorical
from bayes_mtl.likelihoods._gamma import Gamma
from bayes_mtl.likelihoods._gaussian import Gaussian
from bayes_mtl.likelihoods._log_normal import LogNormal
from bayes_mtl.likelihoods._mixed import Mixed
from bayes_mtl.likelihoods._negative_binomial import NegativeBinomial
from bayes_mtl.likelihoods._ordinal import Ordinal
from bayes_mtl.likelihoods._poisson import Poisson
from bayes_mtl.likelihoods._student_t import StudentT

__all__ = [
    "AbstractLikelihood",
    "Bernoulli",
    "Binomial",
    "Categorical",
    "Gamma",
    "Gaussian",
    "LogNormal",
    "Mixed",
    "NegativeBinomial",
    "Ordinal",
    "Poisson",
    "StudentT",
]
