"""What is measured of predictions of one task, by the kind of its targets."""

import warnings

import numpy as np

from bayes_mtl.diagnostics._calibration_error import calibration_error

HIGHER_IS_BETTER = {
    "log_score": True,
    "auc": True,
    "average_precision": True,
    "min_se_ppv": True,
    "accuracy": True,
    "kappa": True,
    "brier": False,
    "calibration_error": False,
    "rmse": False,
    "r2": True,
}
"""Metrics that can be compared, and which way."""
MAIN = {"two classes": "auc", "classes": "kappa", "numbers": "rmse"}
"""The metric that stands for a kind of targets."""


def two_classes(y: np.ndarray, probability: np.ndarray) -> dict[str, float]:
    """Of targets 0 and 1, ``[n]``, and probabilities of 1.

    What needs both classes is NaN where only one was observed.
    """
    from sklearn.metrics import average_precision_score, precision_recall_curve, roc_auc_score

    found = {
        "accuracy": float(((probability > 0.5) == (y > 0.5)).mean()),
        "brier": float(np.square(probability - y).mean()),
        "calibration_error": calibration_error(y > 0.5, probability),
    }
    if 0 < y.mean() < 1:
        precision, recall, _ = precision_recall_curve(y, probability)
        found["auc"] = float(roc_auc_score(y, probability))
        found["average_precision"] = float(average_precision_score(y, probability))
        found["min_se_ppv"] = float(np.minimum(precision, recall).max())
    return found


def classes(y: np.ndarray, probabilities: np.ndarray) -> dict[str, float]:
    """Of classes 0, 1, ..., ``[n]``, and their probabilities ``[n, classes]``."""
    from sklearn.metrics import cohen_kappa_score

    chosen, number = probabilities.argmax(1), probabilities.shape[1]
    right = chosen == y
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # a single class, observed and predicted: NaN says it
        kappa = cohen_kappa_score(y.astype(int), chosen, labels=range(number), weights="linear")
    return {
        "accuracy": float(right.mean()),
        "kappa": float(kappa),
        "brier": float(np.square(probabilities - np.eye(number)[y.astype(int)]).sum(1).mean()),
        "calibration_error": calibration_error(right, probabilities.max(1)),
    }


def numbers(y: np.ndarray, mean: np.ndarray, lower: np.ndarray, upper: np.ndarray) -> dict[str, float]:
    """Of measurements or counts ``[n]``, their predicted means and the ends of their intervals."""
    squares, spread = np.square(y - mean).mean(), y.var()
    found = {"rmse": float(np.sqrt(squares)), "coverage": float(((lower <= y) & (y <= upper)).mean())}
    if spread > 0:
        found["r2"] = float(1 - squares / spread)
    return found
