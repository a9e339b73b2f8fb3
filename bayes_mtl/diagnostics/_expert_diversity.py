"""Distances between the experts of a fitted mixture."""

import torch

from bayes_mtl.data import TaskData
from bayes_mtl.diagnostics._diversity import Diversity
from bayes_mtl.diagnostics._mixture_network import mixture, parts
from bayes_mtl.posterior import Posterior


def expert_diversity(posterior: Posterior, data: TaskData) -> Diversity:
    """How different the experts' outputs are on the rows of a data set.

    Parameters
    ----------
    posterior
        Of a model whose network is a mixture of experts, such as `MMoE`.
    data
        Rows to look at, each once; of sequences all valid steps.

    Returns
    -------
    Diversity
        Entries ``sqrt(sum_n |f_i(x_n) - f_j(x_n)|^2)``, divided by the largest; all 0 where experts agree.

    Raises
    ------
    UnsupportedError
        For a network without experts and gates.

    References
    ----------
    Aoki, Tung and Oliveira, Heterogeneous multi-task learning with expert diversity (2021), section 4.
    """
    network = mixture(posterior)
    squares = torch.zeros(1, 1, dtype=torch.float64)
    with torch.no_grad():
        for part in parts(posterior, data):
            outputs = network.expert_outputs(part.x).double()
            if outputs.dim() == 4 and part.length is not None:
                outputs = outputs[torch.arange(outputs.shape[1]) < part.length[:, None]]
            outputs = outputs.reshape(-1, *outputs.shape[-2:])
            # Differences, not products: experts that are nearly the same would cancel.
            each = [(outputs - outputs[:, [i]]).square().sum((0, 2)) for i in range(outputs.shape[1])]
            squares = squares + torch.stack(each)
    distance = squares.sqrt()
    largest = distance.max()
    return Diversity((distance / largest if largest > 0 else distance).numpy())
