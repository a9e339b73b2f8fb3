"""Batches of a data set for a program."""

import math
from dataclasses import replace

import torch

from bayes_mtl.data import AbstractSchedule, Batch, Minibatches, Share, TaskData
from bayes_mtl.data._share import WHOLE
from bayes_mtl.inference._batches import Batches
from bayes_mtl.inference._whole_data import WholeData
from bayes_mtl.model import Program

_LARGEST_FULL_BATCH, _BATCH = 4_000_000, 4096


def batches_of(
    program: Program,
    data: TaskData,
    size: int | None,
    temperature: float,
    seed: int,
    device: torch.device,
    schedule: AbstractSchedule | None = None,
    share: Share = WHOLE,
) -> tuple[Batches, int]:
    """Batches of ``size`` observations (rows with a network), and how many hold as many as there are.

    None takes all while rows times weights a task stay below 4 million, and 4,096 beyond. With a schedule
    they are observations with a network, too: rows may be shared by tasks that do not come together. Of each
    batch one process's ``share`` is made.
    """
    if size is None:
        full = len(data) * len(program.features) * program.outputs <= _LARGEST_FULL_BATCH
        size = len(data) if full else _BATCH
    if size >= len(data) and schedule is None:
        whole = share.of_batch(program.batch(data)).to(device, torch.float32)
        return WholeData(_designed(program, whole)), 1
    by_rows = program.network is not None and schedule is None
    batches = Minibatches(
        data,
        program.scaling,
        size=size,
        temperature=temperature,
        by_rows=by_rows,
        seed=seed,
        device=device,
        schedule=schedule,
        share=share,
    )
    return batches, math.ceil(batches.units / batches.size)


def _designed(program: Program, batch: Batch) -> Batch:
    """The same batch with the rows that weights multiply made once, in place of in every step."""
    return batch if program.network is not None else replace(batch, design=program.design(batch))
