"""What may be wrong with a fit, in words, and how good it is: metrics, gains, experts."""

from bayes_mtl.diagnostics._calibration import Calibration, calibration
from bayes_mtl.diagnostics._check import check
from bayes_mtl.diagnostics._compare import compare
from bayes_mtl.diagnostics._delta import delta
from bayes_mtl.diagnostics._diversity import Diversity
from bayes_mtl.diagnostics._expert_diversity import expert_diversity
from bayes_mtl.diagnostics._expert_use import expert_use
from bayes_mtl.diagnostics._finding import Finding
from bayes_mtl.diagnostics._gate_entropy import gate_entropy
from bayes_mtl.diagnostics._gate_importance import gate_importance
from bayes_mtl.diagnostics._inclusion import inclusion
from bayes_mtl.diagnostics._leave_one_out import LeaveOneOut
from bayes_mtl.diagnostics._loo import loo
from bayes_mtl.diagnostics._loo_tasks import loo_tasks
from bayes_mtl.diagnostics._metrics import metrics
from bayes_mtl.diagnostics._mixture_network import MixtureNetwork
from bayes_mtl.diagnostics._prior_sensitivity import prior_sensitivity
from bayes_mtl.diagnostics._report import Report
from bayes_mtl.diagnostics._sbc import sbc
from bayes_mtl.diagnostics._simulation_based_calibration import SimulationBasedCalibration
from bayes_mtl.diagnostics._task_similarity import task_similarity
from bayes_mtl.diagnostics._transfer import Transfer, transfer

__all__ = [
    "Calibration",
    "Diversity",
    "Finding",
    "LeaveOneOut",
    "MixtureNetwork",
    "Report",
    "SimulationBasedCalibration",
    "Transfer",
    "calibration",
    "check",
    "compare",
    "delta",
    "expert_diversity",
    "expert_use",
    "gate_entropy",
    "gate_importance",
    "inclusion",
    "loo",
    "loo_tasks",
    "metrics",
    "prior_sensitivity",
    "sbc",
    "task_similarity",
    "transfer",
]
