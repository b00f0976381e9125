"""A file that a command writes appears whole or not at all, and what is in the way is one sentence."""

from __future__ import annotations

import resource
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from errors import SettingsError
from loaders.jsonl import write_whole


@contextmanager
def full_disk() -> Iterator[None]:
    """No file of this process may grow beyond 4 KiB; for the block alone, since a log of the tests is a file too."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (4096, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_a_full_disk_leaves_the_file_that_was_there(tmp_path: Path) -> None:
    path = tmp_path / "answers.jsonl"
    path.write_text("before", "utf-8")
    with full_disk(), pytest.raises(SettingsError, match=r"File too large"), write_whole(path) as file:
        file.write("x" * 100_000)
    assert path.read_text("utf-8") == "before"
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("name", ["gone/out.jsonl", "file/out.jsonl"])
def test_a_place_that_cannot_be_written_is_one_sentence(tmp_path: Path, name: str) -> None:
    (tmp_path / "file").write_text("", "utf-8")
    with pytest.raises(SettingsError, match="Cannot write"), write_whole(tmp_path / name) as file:
        file.write("x")


def test_a_failure_of_what_is_written_is_not_the_disk_s(tmp_path: Path) -> None:
    with pytest.raises(ConnectionResetError), write_whole(tmp_path / "out.jsonl"):
        raise ConnectionResetError
    assert list(tmp_path.iterdir()) == []
