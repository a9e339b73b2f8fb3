"""One network for many tasks, taught by fits of each."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from torch import nn

from bayes_mtl._errors import InputError, InputTypeError, UnsupportedError, message
from bayes_mtl.data import TaskData
from bayes_mtl.data._counted import counted
from bayes_mtl.inference._map import MAP
from bayes_mtl.likelihoods import Gaussian
from bayes_mtl.model import MultiTaskModel
from bayes_mtl.posterior import Posterior
from bayes_mtl.posterior._evaluate import chunks, evaluate
from bayes_mtl.posterior._request import request_of_data
from bayes_mtl.priors import Independent

_NOISE = 0.1
"""Of a soft target, in units of their spread in the task: small, so that the prior hardly pulls."""


def distill(
    network: nn.Module,
    teachers: Sequence[Posterior],
    data: TaskData,
    *,
    inference: MAP | None = None,
    seed: int = 0,
) -> Posterior:
    """Train a network that tasks share to imitate fits of single tasks.

    The targets are replaced by the teachers' linear predictors (posterior means, before the link, without
    offsets), which are numbers whatever the task: the network and a linear head for each task are fitted to
    them by least squares, in units of their spread in each task.

    Parameters
    ----------
    network
        The student; a copy is trained.
    teachers
        Posteriors whose tasks are, together, those of ``data``, each fitted once; with the same features.
    data
        Rows on which to imitate. Its targets are not used: where there are no labels, any numbers will do.
    inference
        How the student is trained.
    seed
        Of the training.

    Returns
    -------
    Posterior
        A point fit of the soft targets, for looking at how well the student imitates. What it is for is
        ``posterior.program.network``: `Frozen`, or as the start of a fit, it goes into a model of the targets
        themselves, whose likelihood knows nothing of the teachers.

    Raises
    ------
    InputError
        Where a task has no teacher or two, or the features are others.
    UnsupportedError
        For teachers with several outputs a task (`Categorical`).

    Notes
    -----
    Reference: Hinton, Vinyals and Dean, Distilling the knowledge in a neural network (2015); Clark et al.,
    BAM! Born-again multi-task networks for natural language understanding (ACL 2019).
    """
    soft = _soft_targets(teachers, data)
    model = MultiTaskModel(Independent(), Gaussian(noise="known", units="task"), network)
    _, spread = model.likelihood.location(counted(soft))
    soft = replace(soft, noise=_NOISE * spread[soft.task, 0])
    posterior = (inference or MAP()).run(model, soft, seed=seed)
    return posterior.with_record(method=f"distill({posterior.record.method})")


def _soft_targets(teachers: Sequence[Posterior], data: TaskData) -> TaskData:
    """The data with what the teachers predict, and without the columns of their likelihoods."""
    teacher_of = _by_task(teachers, data)
    y = np.empty(len(data))
    for position, task in enumerate(data.schema.tasks):
        own = data.task == position
        y[own] = _predictor(teacher_of[task], task, data, position)
    return replace(
        data,
        y=y,
        schema=replace(data.schema, classes=()),
        noise=None,
        offset=None,
        trials=None,
        censored=None,
    )


def _by_task(teachers: Sequence[Posterior], data: TaskData) -> dict[str, Posterior]:
    """Teacher of each task of the data."""
    strange = [type(teacher).__name__ for teacher in teachers if not isinstance(teacher, Posterior)]
    if strange:
        raise InputTypeError(message("teachers", "posteriors", strange[:5], "Fit each task first."))
    taught = [task for teacher in teachers for task in teacher.tasks]
    wrong = [task for task in data.schema.tasks if taught.count(task) != 1]
    if wrong:
        found = f"{[taught.count(task) for task in wrong[:5]]} for {wrong[:5]}"
        raise InputError(message("teachers", "one for each task of the data", found, "Fit these tasks once."))
    return {task: teacher for teacher in teachers for task in teacher.tasks}


def _predictor(teacher: Posterior, task: str, data: TaskData, position: int) -> np.ndarray:
    """Posterior mean of the linear predictor at the task's observations, without their offset."""
    if teacher.program.outputs > 1:
        raise UnsupportedError(
            f"The teacher of '{task}' has {teacher.program.outputs} linear predictors, and a student learns "
            "one a task. Make a task of each class (Bernoulli)."
        )
    rows = data.subset(data.task == position)
    features = rows.task_features
    rows = replace(
        rows,
        schema=rows.schema.with_tasks((task,)),
        task=np.zeros_like(rows.task),
        offset=np.zeros(len(rows)),
        task_features=None if features is None else features[[position]],
    )
    batch = request_of_data(teacher.program, rows).batch
    found = np.empty(len(rows))
    for place, part in chunks(teacher.program, teacher.draws, batch):
        f, _ = evaluate(teacher.program, teacher.draws, part)
        found[place.numpy()] = f[..., 0].double().mean(0).numpy()
    return found
