"""What must be the same for a checkpoint to be continued, as one short text."""

import hashlib
import re
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from functools import partial
from typing import Any

import numpy as np
from torch import Tensor
from torch.distributions import Distribution

from bayes_mtl.data import TaskData
from bayes_mtl.data._dataset_rows import DatasetRows
from bayes_mtl.inference._abstract_inference import AbstractInference
from bayes_mtl.model import Program

_VISIBILITY = ("steps", "draws", "compile", "progress", "on_step", "checkpoint", "checkpoint_every")
FREE = frozenset({*_VISIBILITY, "device", "devices", "num_nodes"})
"""Settings that may differ: how long, where and how visibly a fit runs, not along which path."""
_ROWS = 10_000


def fingerprint(inference: AbstractInference, program: Program, data: TaskData, seed: int) -> str:
    """Digest of a fit's settings, model, data and seed; the same in every process."""
    settings = [(f.name, getattr(inference, f.name)) for f in fields(inference) if f.name not in FREE]  # type: ignore[arg-type]
    model = [program.prior, program.likelihood, program.fixed_prior, program.network]
    names = [data.schema, program.scaling.to_dict()]
    digest = hashlib.sha256(f"{seed} {text(settings)} {text(model)} {text(names)}".encode())
    for f in fields(data):
        column = getattr(data, f.name)
        if isinstance(column, (np.ndarray, DatasetRows)) and f.name != "index":
            digest.update(f"{f.name} {column.shape} {column.dtype}".encode())
            # x may be larger than memory: rows from all over it will do
            every = max(1, len(column) // _ROWS) if f.name == "x" else 1
            digest.update(column[::every].tobytes())
    return digest.hexdigest()


def text(value: Any) -> str:
    """All that a setting holds, without addresses in memory."""
    if isinstance(value, Distribution):
        return f"{type(value).__name__}{text({k: getattr(value, k) for k in value.arg_constraints})}"
    if isinstance(value, Tensor):
        return str(value.tolist())
    if isinstance(value, Mapping):
        return str([(str(key), text(item)) for key, item in value.items()])
    if isinstance(value, (list, tuple)):
        return str([text(item) for item in value])
    if isinstance(value, partial):
        return f"partial{text([value.func, value.args, value.keywords])}"
    if is_dataclass(value) and not isinstance(value, type):
        settings = {f.name: getattr(value, f.name) for f in fields(value)}
        return f"{type(value).__qualname__}{text(settings)}"
    return re.sub(r" at 0x[0-9a-fA-F]+", "", repr(value))
