"""One safetensors file with JSON in its header: whole or not at all. See also the files of posteriors."""

import os
import stat
from pathlib import Path

import pytest
import torch

from bayes_mtl._errors import FileError
from bayes_mtl._files import read, write

TENSORS = {
    "a/b": torch.randn(2, 3),
    "whole": torch.arange(3),
    "flag": torch.tensor([True]),
    "one": torch.tensor(1.5),
}
META = {"text": "ä", "number": 0.1, "list": [1, None, {"a": True}]}


def test_what_was_written_comes_back(tmp_path: Path) -> None:
    path = write(tmp_path / "file", TENSORS, META, "example")
    tensors, meta = read(path, "example")
    assert meta == META and tensors.keys() == TENSORS.keys()
    for name, value in TENSORS.items():
        assert tensors[name].dtype == value.dtype and torch.equal(tensors[name], value)


def test_paths_may_be_text(tmp_path: Path) -> None:
    path = write(os.fspath(tmp_path / "file"), TENSORS, META, "example")
    assert read(os.fspath(path), "example")[1] == META


def test_views_and_shared_memory_are_written_out(tmp_path: Path) -> None:
    base = torch.arange(12.0).reshape(3, 4)
    views = {"a": base.T, "b": base[:, ::2], "c": base, "d": base[:1].expand(5, 4)}
    tensors, _ = read(write(tmp_path / "file", views, {}, "example"), "example")
    assert all(torch.equal(tensors[name], value) for name, value in views.items())


def test_gradients_are_left_behind(tmp_path: Path) -> None:
    value = torch.ones(2, requires_grad=True)
    tensors, _ = read(write(tmp_path / "file", {"a": value}, {}, "example"), "example")
    assert not tensors["a"].requires_grad


def test_others_may_read_it_as_the_folder_allows(tmp_path: Path) -> None:
    plain = tmp_path / "plain"
    plain.write_text("")
    path = write(tmp_path / "file", TENSORS, META, "example")
    assert stat.S_IMODE(path.stat().st_mode) == stat.S_IMODE(plain.stat().st_mode)


def test_a_file_of_another_kind_says_so(tmp_path: Path) -> None:
    path = write(tmp_path / "file", TENSORS, META, "checkpoint")
    with pytest.raises(FileError, match="holds a 'checkpoint', expected a 'posterior'"):
        read(path, "posterior")


def test_a_folder_in_its_place_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    with pytest.raises(FileError, match="Could not write"):
        write(tmp_path / "folder", TENSORS, META, "example")
    assert [entry.name for entry in tmp_path.iterdir()] == ["folder"]


def test_what_json_cannot_hold_is_an_error_and_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(FileError, match=r"Could not write .* Use numbers and text of Python"):
        write(tmp_path / "file", TENSORS, {"a": object()}, "example")
    assert not list(tmp_path.iterdir())
