"""Question files in, result files out: a file that a command writes appears whole or not at all."""

from __future__ import annotations

import errno
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, TextIO

from errors import SettingsError

_OF_THE_DISK = (
    errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS, errno.EIO, errno.ENOTDIR,
)  # fmt: skip


def read_questions(path: Path) -> Iterator[dict[str, Any]]:
    """Rows {_id, text, ...} of a JSONL file, streamed. Raises SettingsError naming file, line and fault."""
    for place, row in read_rows(path):
        if not isinstance(row.get("text"), str) or "_id" not in row:
            raise SettingsError(f'{place} needs the fields "_id" and "text".')
        yield row | {"text": well_formed(row["text"])}


def read_rows(path: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    """(place for error messages, row) of each JSONL line that is not blank, streamed. Raises SettingsError."""
    if not path.is_file():
        raise SettingsError(f"There is no file {str(path)!r}.")
    with path.open(encoding="utf-8-sig") as lines:
        for number, line in enumerate(_decoded(lines, path), start=1):
            if line.strip():
                yield f"{path}, line {number}", _row(line, f"{path}, line {number}")


def _decoded(lines: TextIO, path: Path) -> Iterator[str]:
    try:
        yield from lines
    except UnicodeDecodeError as error:
        raise SettingsError(f"{path} is not UTF-8 text: save it as UTF-8.") from error


def _row(line: str, place: str) -> dict[str, Any]:
    try:
        row = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise SettingsError(f"{place} is not JSON ({error}).") from error
    if not isinstance(row, dict):
        raise SettingsError(f"{place} is not a JSON object.")
    return row


def well_formed(text: str) -> str:
    """Lone surrogates, which stand for bytes and escapes that are no text, become "?"."""
    return text.encode("utf-8", "replace").decode("utf-8")


@contextmanager
def write_whole(path: Path) -> Iterator[TextIO]:
    """A text file to write to; it takes its name, synced, only when the block ends well.

    A lone surrogate is written as its escape, which JSON reads back as it was.
    """
    if not path.name or path.is_dir():
        raise SettingsError(f"Cannot write {str(path)!r}: it is a folder; name a file in it.")
    temporary = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        with temporary.open("w", encoding="utf-8", errors="backslashreplace", newline="\n") as out:
            yield out
            out.flush()
            os.fsync(out.fileno())
        temporary.replace(path)
    except FileNotFoundError as error:
        raise SettingsError(f"Cannot write {str(path)!r}: its folder does not exist.") from error
    except PermissionError as error:
        raise SettingsError(f"Cannot write {str(path)!r}: no permission.") from error
    except OSError as error:
        if error.errno not in _OF_THE_DISK:
            raise
        raise SettingsError(f"Cannot write {str(path)!r} ({error.strerror}): name another file.") from error
    finally:
        with suppress(OSError):  # a name that could not be written cannot be removed either
            temporary.unlink(missing_ok=True)
