"""What must be the same for a checkpoint to be continued, as one short text."""

import hashlib
from dataclasses import fields

import numpy as np

from bayes_mtl.data import TaskData
from bayes_mtl.data._dataset_rows import DatasetRows
from bayes_mtl.inference._abstract_inference import AbstractInference
from bayes_mtl.inference._text_of import state_text, text_of
from bayes_mtl.model import Program

_VISIBILITY = ("steps", "draws", "compile", "progress", "on_step", "checkpoint", "checkpoint_every")
FREE = frozenset({*_VISIBILITY, "device", "devices", "num_nodes"})
"""Settings that may differ: how long, where and how visibly a fit runs, not along which path."""
_ROWS = 10_000


def fingerprint(inference: AbstractInference, program: Program, data: TaskData, seed: int) -> str:
    """Digest of a fit's settings, model, data and seed; the same in every process.

    Called before the training, with the network as it is then.
    """
    settings = [(f.name, getattr(inference, f.name)) for f in fields(inference) if f.name not in FREE]  # type: ignore[arg-type]
    model = [program.prior, program.likelihood, program.fixed_prior, program.network]
    names = [data.schema, program.scaling.to_dict()]
    digest = hashlib.sha256(f"{seed} {text_of(settings)} {text_of(model)} {text_of(names)}".encode())
    digest.update(state_text(program.network).encode())
    for f in fields(data):
        column = getattr(data, f.name)
        if isinstance(column, (np.ndarray, DatasetRows)) and f.name != "index":
            digest.update(f"{f.name} {column.shape} {column.dtype}".encode())
            # x may be larger than memory: rows from all over it will do
            every = max(1, len(column) // _ROWS) if f.name == "x" else 1
            digest.update(column[::every].tobytes())
    return digest.hexdigest()
