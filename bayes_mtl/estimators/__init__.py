"""Estimators for scikit-learn: pipelines, searches and cross-validation of multi-task models."""

from bayes_mtl.estimators._multi_task_classifier import MultiTaskClassifier
from bayes_mtl.estimators._multi_task_regressor import MultiTaskRegressor

__all__ = ["MultiTaskClassifier", "MultiTaskRegressor"]
