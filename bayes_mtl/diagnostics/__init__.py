"""What may be wrong with a fit, worst first, in words: what, where, and what to try."""

from bayes_mtl.diagnostics._check import check
from bayes_mtl.diagnostics._finding import Finding
from bayes_mtl.diagnostics._gate_importance import gate_importance
from bayes_mtl.diagnostics._inclusion import inclusion
from bayes_mtl.diagnostics._report import Report

__all__ = ["Finding", "Report", "check", "gate_importance", "inclusion"]
