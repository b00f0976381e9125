"""What a file's bytes are, by their content first and the suffix second; and the tables in it."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from errors import DatasetFormatError
from finetune.importing.delimited_records import read_delimited
from finetune.importing.encoding import encoding_note, file_codec, opening_bytes
from finetune.importing.header import IsKnown, has_role
from finetune.importing.json_records import read_document, read_lines
from finetune.importing.parquet_records import read_parquet
from finetune.importing.python_records import read_python_lines
from finetune.importing.records import Columns, Record
from finetune.importing.workbook_records import open_workbook, read_sheet, shown_sheets
from loaders.readers.encodings import looks_binary

Container = Literal["jsonl", "json", "csv", "workbook", "parquet", "python"]
DATA_SUFFIXES = (
    ".csv", ".tsv", ".tab", ".xlsx", ".xlsm", ".xls", ".xlsb", ".ods",
    ".json", ".jsonl", ".ndjson", ".parquet", ".pq",
)  # fmt: skip
_PACKED = {b"\x1f\x8b": "gzip", b"BZh": "bzip2", b"\x28\xb5\x2f\xfd": "Zstandard", b"7z\xbc\xaf": "7-Zip"}
_OLE = b"\xd0\xcf\x11\xe0"
_PEEK = 2**18  # bytes


@dataclass(frozen=True, slots=True)
class Table:
    """Records that share their columns: a sheet, or the whole file."""

    sheet: str | None
    columns: Columns | None  # None for records with fields of their own
    records: Callable[[], Iterator[Record]]  # from the start, each time
    notes: tuple[str, ...] = ()


def container_of(path: Path) -> Container:
    """Raises DatasetFormatError with what to do for a file that holds no records."""
    opening = opening_bytes(path, _PEEK)
    if not opening.strip(b"\0 \t\r\n"):
        raise DatasetFormatError(f"{path} is empty: there is nothing to import.")
    suffix = path.suffix.lower()
    for mark, name in _PACKED.items():
        if opening.startswith(mark):
            raise DatasetFormatError(f"{path} is packed with {name}: unpack it first.")
    if opening.startswith(b"PAR1"):
        return "parquet"
    if opening.startswith((b"PK\x03\x04", _OLE)):
        return _office(path, suffix)
    if opening.startswith(b"%PDF") or suffix in (".pdf", ".docx", ".doc", ".html", ".htm", ".md", ".eml"):
        raise DatasetFormatError(
            f"{path} is a document, not a table of examples: "
            f"make questions from it with python -m app dataset generate."
        )
    if looks_binary(opening):
        raise DatasetFormatError(f"{path} is no text and no table: import {', '.join(DATA_SUFFIXES)} files.")
    return _text_container(path, opening, suffix)


def _office(path: Path, suffix: str) -> Container:
    if suffix in (".xlsx", ".xlsm", ".xls", ".xlsb", ".ods", ""):
        return "workbook"
    raise DatasetFormatError(f"{path} is a packed file: unpack it, and import the data files in it.")


def _text_container(path: Path, opening: bytes, suffix: str) -> Container:
    text = opening.decode(file_codec(path), errors="replace").lstrip("\ufeff \t\r\n\0")
    if suffix in (".csv", ".tsv", ".tab"):
        return "csv"
    if text[:1] not in ("{", "["):
        return "csv" if suffix not in (".jsonl", ".ndjson") else "jsonl"
    if _is_python(text):
        return "python"
    if suffix in (".jsonl", ".ndjson"):
        return "jsonl" if text[:1] == "{" or _several_lines_of_arrays(text) else "json"
    return _one_or_many(text)


def _is_python(text: str) -> bool:
    """Whether the first line is a Python literal: keys in single quotes, None, True, False."""
    first = text.split("\n", maxsplit=1)[0]
    return bool(re.match(r"[\[\s]*\{\s*'", first)) or bool(
        re.search(r"[:,\[]\s*(?:None|True|False)\s*[,}\]]", re.sub(r'"(?:[^"\\]|\\.)*"', '""', first))
    )


def _several_lines_of_arrays(text: str) -> bool:
    lines = [line.strip() for line in text.splitlines()[:3] if line.strip()]
    return len(lines) > 1 and all(line[0] == "[" and line[-1] == "]" for line in lines[:2])


def _one_or_many(text: str) -> Container:
    """An object that ends before the text does is one of many: JSON Lines, also where each takes many lines."""
    import json

    if text[0] == "[":
        return "json"
    try:
        _, end = json.JSONDecoder().raw_decode(text)
    except (ValueError, RecursionError):
        lines = text.split("\n", maxsplit=1)
        return "jsonl" if len(lines) > 1 and lines[0].rstrip().endswith("}") else "json"
    return "jsonl" if text[end:].lstrip()[:1] == "{" else "json"


def open_tables(
    path: Path, container: Container, sheet: str | None, *, hidden: bool = False, known: IsKnown = has_role
) -> list[Table]:
    """The tables of a file; `sheet` chooses one of a workbook, which may be hidden. Raises DatasetError.

    `hidden`: hidden sheets as well, also where others are shown. `known`: what tells the row that names the columns.
    """
    if container == "workbook":
        return _sheets(path, sheet, hidden, known)
    if sheet is not None:
        raise DatasetFormatError(f"{path} has no sheets: leave --sheet out.")
    if container == "csv":
        columns, _ = read_delimited(path, known)
        return [Table(None, columns, lambda: read_delimited(path, known)[1], encoding_note(path))]
    readers = {
        "jsonl": read_lines,
        "json": read_document,
        "parquet": read_parquet,
        "python": read_python_lines,
    }
    read = readers[container]
    return [Table(None, None, lambda: read(path), () if container == "parquet" else encoding_note(path))]


def _sheets(path: Path, wanted: str | None, all_of_them: bool, known: IsKnown) -> list[Table]:
    sheets = open_workbook(path, known)
    chosen = sheets if all_of_them else shown_sheets(sheets)
    if wanted is not None:
        chosen = [one for one in sheets if one.columns.sheet == wanted]
        if not chosen:
            names = ", ".join(repr(one.columns.sheet) for one in sheets) or "none with a table"
            raise DatasetFormatError(f"{path} has no sheet {wanted!r} with a table: it has {names}.")
    hidden = [str(one.columns.sheet) for one in sheets if one not in chosen and one.hidden]
    note = (
        (f"Hidden sheets are left out: {', '.join(hidden)}. Read one with --sheet NAME.",) if hidden else ()
    )
    return [
        Table(one.columns.sheet, one.columns, lambda one=one: read_sheet(one), note + one.notes)  # type: ignore[misc]
        for one in chosen
    ]
