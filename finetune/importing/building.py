"""Examples -> one file of rows, and beside it one of what was refused; both whole or not at all."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TextIO

import orjson

from errors import DatasetError, DatasetNotFoundError, SettingsError
from finetune.examples import Example, Refused, kind_of, with_metadata
from finetune.importing.containers import DATA_SUFFIXES
from loaders.jsonl import write_whole

SHOWN_REFUSALS = 20
SAID_EVERY = 50_000  # rows


@dataclass(slots=True)
class Built:
    """What was made, and what was refused and why."""

    rows: int = 0
    refused: int = 0
    kinds: Counter[str] = field(default_factory=Counter)
    by_file: Counter[str] = field(default_factory=Counter)  # rows of each file
    first_refused: list[Refused] = field(default_factory=list)  # the first SHOWN_REFUSALS

    def as_dict(self) -> dict[str, Any]:
        return {
            "rows": self.rows,
            "refused": self.refused,
            "kinds": dict(self.kinds),
            "first_refused": [one.as_dict() for one in self.first_refused],
        }


def write_examples(
    examples: Iterable[Example | Refused],
    out: Path | None,
    *,
    inputs: Sequence[Path] = (),
    on_progress: Callable[[Built], None] = lambda _: None,
) -> Built:
    """Counts all, and writes them where `out` is given: rows with their provenance, refusals beside them.

    Raises DatasetError where a file to write is one of the inputs, or nothing became a row: then no file is written.
    """
    built = Built()
    with ExitStack() as files:
        rows = files.enter_context(_opened(out, inputs)) if out is not None else None
        refusals = files.enter_context(_opened(refused_file(out), inputs)) if out is not None else None
        for one in examples:
            _count(built, one)
            if rows is not None and refusals is not None:
                _write(one, rows, refusals)
            if (built.rows + built.refused) % SAID_EVERY == 0:
                on_progress(built)
        if out is not None and not built.rows:
            raise DatasetError(_nothing(built))
    if out is not None and not built.refused:
        refused_file(out).unlink(missing_ok=True)
    return built


def refused_file(out: Path) -> Path:
    """train.jsonl -> train.refused.jsonl"""
    return out.with_name(f"{out.stem}.refused.jsonl")


@contextmanager
def _opened(path: Path, inputs: Sequence[Path]) -> Iterator[TextIO]:
    if path.exists() and any(one.exists() and path.samefile(one) for one in inputs):
        raise DatasetError(f"{path} is one of the files that are read: name another file with --out.")
    try:
        with write_whole(path) as file:
            yield file
    except SettingsError as error:
        raise DatasetError(str(error)) from error


def _count(built: Built, one: Example | Refused) -> None:
    if isinstance(one, Example):
        built.rows += 1
        built.kinds[kind_of(one.row) or "unknown"] += 1
        built.by_file[one.provenance.file or one.provenance.origin] += 1
        return
    built.refused += 1
    if len(built.first_refused) < SHOWN_REFUSALS:
        built.first_refused.append(one)


def _write(one: Example | Refused, rows: TextIO, refusals: TextIO) -> None:
    if isinstance(one, Example):
        rows.buffer.write(_line(with_metadata(one)))
    else:
        refusals.buffer.write(_line(one.as_dict()))


def _line(value: dict[str, Any]) -> bytes:
    """UTF-8, straight into the file's buffer: nothing else is written to it."""
    try:
        return orjson.dumps(value, option=orjson.OPT_APPEND_NEWLINE)
    except TypeError:  # numbers past 64 bits, and halves of surrogate pairs
        return json.dumps(value).encode() + b"\n"


def _nothing(built: Built) -> str:
    if not built.first_refused:
        return "There is nothing to write: no record was found."
    first = built.first_refused[0]
    place = f"{first.file}, line {first.line}{f', {first.field}' if first.field else ''}"
    reason = f"{place}: {first.reason} {first.fix}"
    return f"Nothing was written: all {built.refused} records were refused. The first: {reason}"


def data_files(paths: Sequence[Path]) -> tuple[list[Path], list[Path]]:
    """(the files to read, those left out): folders stand for all data files in them, in the order of their names.

    Raises DatasetNotFoundError for what does not exist, DatasetError for a folder without data files.
    """
    taken: list[Path] = []
    left: list[Path] = []
    for path in paths:
        if not path.exists():
            raise DatasetNotFoundError(f"There is no file or folder {str(path)!r}.")
        if not path.is_dir():
            taken.append(path)
            continue
        inside = sorted(one for one in path.rglob("*") if one.is_file() and not _is_hidden(one, path))
        found = [one for one in inside if one.suffix.lower() in DATA_SUFFIXES]
        if not found:
            raise DatasetError(_no_data(path, inside))
        taken += found
        left += [one for one in inside if one not in found]
    return list(dict.fromkeys(taken)), left


def _is_hidden(path: Path, folder: Path) -> bool:
    own = path.relative_to(folder).parts
    return any(part.startswith((".", "~$")) for part in own) or path.name.endswith(".refused.jsonl")


def _no_data(folder: Path, inside: Sequence[Path]) -> str:
    holds = f"it holds {len(inside)} other files" if inside else "it is empty"
    kinds = ", ".join(DATA_SUFFIXES)
    return (
        f"There is no data file in {str(folder)!r} ({holds}): put {kinds} files there, "
        "or make questions from documents with python -m app dataset generate."
    )
