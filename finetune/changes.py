"""The changes of a mended file, written as they come: a unified diff that `patch` applies, or a JSON list."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from finetune.fix_file import Change
from loaders.jsonl import write_whole

Record = Callable[[Change, int], None]  # a change, and the number of lines written before it


@contextmanager
def recorded(path: Path, *, old: Path, new: Path) -> Iterator[Record]:
    """Takes changes and writes them to `path` when the block ends well: JSON where it ends in .json, else a diff."""
    with write_whole(path) as text:
        if path.suffix.lower() == ".json":
            yield from _listed(text.buffer)
        else:
            text.buffer.write(f"--- {old}\n+++ {new}\n".encode("utf-8", "surrogateescape"))
            yield lambda change, written: _write_hunk(text.buffer, change, written)


def _write_hunk(out: BinaryIO, change: Change, written: int) -> None:
    out.write(unified_hunk(change, written))


def unified_hunk(change: Change, written: int) -> bytes:
    """One hunk without context lines, as `diff -U0` writes them."""
    before, after = _split(change.before), _split(change.after)
    old = _range(change.line, len(before))
    new = _range(written + 1, len(after))
    return f"@@ -{old} +{new} @@\n".encode() + _marked(b"-", before) + _marked(b"+", after)


def _split(text: bytes) -> list[bytes]:
    """Lines with their LF; CR alone ends none."""
    parts = text.split(b"\n")
    ended = [part + b"\n" for part in parts[:-1]]
    return [*ended, parts[-1]] if parts[-1] else ended


def _range(start: int, count: int) -> str:
    if count == 0:
        return f"{start - 1},0"
    return f"{start}" if count == 1 else f"{start},{count}"


def _marked(mark: bytes, lines: list[bytes]) -> bytes:
    ends = (line if line.endswith(b"\n") else line + b"\n\\ No newline at end of file\n" for line in lines)
    return b"".join(mark + line for line in ends)


def _listed(out: BinaryIO) -> Iterator[Record]:
    """A JSON array, one change a line."""
    first = True

    def record(change: Change, _: int) -> None:
        nonlocal first
        out.write(b"[\n" if first else b",\n")
        out.write(json.dumps(change.as_dict(), ensure_ascii=False).encode())
        first = False

    yield record
    out.write(b"[]\n" if first else b"\n]\n")
