"""One safetensors file with JSON in its header: written whole or not at all, read without executing."""

import json
import os
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any
from uuid import uuid4

from torch import Tensor

from bayes_mtl._errors import FileError

_VERSION = 1


def write(
    path: str | os.PathLike[str], tensors: Mapping[str, Tensor], meta: Mapping[str, Any], kind: str
) -> Path:
    """Write tensors and JSON-able ``meta`` to ``path``; a file already there stays whole until the end.

    Raises
    ------
    FileError
        Where the folder cannot be written to, or is full; for settings that JSON does not know.
    """
    from safetensors.torch import save_file

    path = Path(path)
    if not path.name:
        raise FileError(f"Could not write '{path}': it names no file. Give the file a name.")
    try:
        header = {"bayes_mtl": json.dumps({"kind": kind, "version": _VERSION, "meta": meta})}
    except (TypeError, ValueError) as error:
        raise FileError(
            f"Could not write '{path}': {error}. Use numbers and text of Python in settings of your own."
        ) from error
    flat = {name: value.detach().cpu().contiguous().clone() for name, value in tensors.items()}
    # beside its place, so that taking it is one step of the file system
    temporary = path.with_name(f".{path.name}.{uuid4().hex}")
    try:
        temporary.touch()
        mode = temporary.stat().st_mode  # safetensors would leave it to its owner alone
        save_file(flat, temporary, metadata=header)
        temporary.chmod(mode)
        os.replace(temporary, path)
    except Exception as error:
        raise FileError(
            f"Could not write '{path}': {error}. Choose a folder that exists and has room."
        ) from error
    finally:
        with suppress(OSError):
            temporary.unlink()
    return path


def read(path: str | os.PathLike[str], kind: str) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """Tensors and meta of a file that `write` made.

    Raises
    ------
    FileError
        For a file that is absent, foreign, truncated, of another kind, or of a newer version.
    """
    from safetensors import SafetensorError, safe_open

    path = Path(path)
    if not path.is_file():
        raise FileError(f"No file '{path}'. Check the path.")
    try:
        with safe_open(str(path), framework="pt") as file:
            header = (file.metadata() or {}).get("bayes_mtl")
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
        content = None if header is None else json.loads(header)
    except (SafetensorError, OSError, ValueError, RecursionError) as error:
        raise FileError(
            f"'{path}' is not a readable safetensors file ({error}). It may be truncated."
        ) from error
    if not isinstance(content, dict) or not {"kind", "version", "meta"} <= content.keys():
        raise FileError(f"'{path}' was not written by bayes_mtl. Pass a file made by save().")
    if type(content["version"]) is not int:
        raise FileError(f"'{path}' has no version that can be read. Pass a file made by save().")
    if content["version"] > _VERSION:
        raise FileError(
            f"'{path}' has format version {content['version']}, this bayes_mtl reads up to {_VERSION}. "
            "Install a newer bayes_mtl."
        )
    if content["kind"] != kind or not isinstance(content["meta"], dict):
        raise FileError(f"'{path}' holds a {content['kind']!r}, expected a {kind!r}. Pass the other file.")
    return tensors, content["meta"]
