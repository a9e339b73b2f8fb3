"""Networks that turn inputs into features on which every task has weights: plain PyTorch modules."""

from bayes_mtl.networks._mlp import MLP

__all__ = ["MLP"]
