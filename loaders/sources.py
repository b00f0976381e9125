"""What can be put into a knowledge base: files, folders, uploads, and rows of JSONL."""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from errors import SettingsError

__all__ = ["FileSource", "Record", "Source", "Upload", "expand", "read_records"]

_SURROGATE = re.compile("[\ud800-\udfff]")


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """One row of a JSONL file; a row with a known id replaces the one before."""

    id: str
    text: str
    title: str = ""
    metadata: Mapping[str, Any] = field(default_factory=dict)
    problem: str = ""  # why the row cannot be used, in one sentence; its id then names the line

    @property
    def sha256(self) -> str:
        content = [self.text, self.title, dict(self.metadata)]
        return hashlib.sha256(json.dumps(content, sort_keys=True, default=str).encode()).hexdigest()


@dataclass(frozen=True, slots=True, kw_only=True)
class Upload:
    """Bytes given by a person under a file name; the name is the document's id."""

    name: str
    data: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class FileSource:
    """A file found at `path`; `relative` is its path below the folder that was given, in posix form."""

    path: Path
    relative: str


Source = FileSource | Upload | Record


def expand(sources: Iterable[Path | Upload | Record]) -> Iterator[Source]:
    """Folders as their files, in name order; hidden files and folders are left out."""
    for source in sources:
        if isinstance(source, Record | Upload):
            yield source
        elif source.is_dir():
            yield from _walk(source.resolve())
        elif source.is_file():
            yield FileSource(path=source.resolve(), relative=source.name)
        else:
            raise SettingsError(f"There is no file or folder {str(source)!r}.")


def _walk(folder: Path) -> Iterator[FileSource]:
    for parent, folders, names in os.walk(folder):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(names):
            path = Path(parent) / name
            if not name.startswith(".") and path.is_file():
                yield FileSource(path=path, relative=path.relative_to(folder).as_posix())


def read_records(
    path: Path, *, id_field: str = "_id", text_field: str = "text", title_field: str = "title"
) -> Iterator[Record]:
    """Rows of a JSONL file, one at a time; other fields become metadata.

    A line that is not a JSON object with an id and a text comes as a Record with a `problem`, which ingest reports.
    """
    with path.open(encoding="utf-8-sig", errors="replace") as lines:
        for number, line in enumerate(lines, start=1):
            if line.strip():
                yield _record(line, f"{path.name}, line {number}", id_field, text_field, title_field)


def _record(line: str, place: str, id_field: str, text_field: str, title_field: str) -> Record:
    try:
        row = json.loads(line)
    except (ValueError, RecursionError):
        return Record(id=place, text="", problem=f"{place} is not JSON: correct the line.")
    if (
        not isinstance(row, dict)
        or row.get(id_field) in (None, "")
        or not isinstance(row.get(text_field), str)
    ):
        problem = f"{place} needs the fields {id_field!r} and {text_field!r}: correct the line."
        return Record(id=place, text="", problem=problem)
    metadata = {k: v for k, v in row.items() if k not in (id_field, text_field, title_field)}
    inner = metadata.get("metadata")
    if isinstance(inner, dict):  # BEIR rows carry their further fields in an object of this name
        metadata = {k: v for k, v in metadata.items() if k != "metadata"} | inner
    return Record(
        id=well_formed(str(row[id_field])),
        text=well_formed(row[text_field]),
        title=well_formed(str(row.get(title_field) or "")),
        metadata=json.loads(well_formed(json.dumps(metadata, ensure_ascii=False))),
    )


def well_formed(text: str) -> str:
    """Lone surrogates, which UTF-8 cannot hold, as U+FFFD; the length stays."""
    return _SURROGATE.sub("\ufffd", text)
