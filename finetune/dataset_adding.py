"""Rows on their way into a dataset: spooled to a temporary file first, so that a slow source holds no lock."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from types import TracebackType
from typing import Any, BinaryIO, Self, get_args

import orjson

from errors import DatasetError, DatasetFormatError, DatasetNotFoundError
from finetune.dataset_journal import Edits, Placed, place
from finetune.dataset_rows import TO_REVIEW, encoded
from finetune.examples import METADATA, Example, Origin, Provenance, Refused, with_metadata
from finetune.strict_json import lines

__all__ = ["Spool", "examples_in"]

_SAID_EVERY = 1_000  # records
_ORIGINS: dict[object, Origin] = {origin: origin for origin in get_args(Origin)}


def examples_in(path: Path) -> Iterator[Example | Refused]:
    """The rows of a JSONL file that was written here or elsewhere; what their metadata says of their origin stays."""
    for line in lines(path):
        if line.value is not None:
            known = line.value.get(METADATA)
            said = known.get("origin") if isinstance(known, dict) else None
            if known is not None and not isinstance(known, dict):
                yield _refused_line(path, line.number, '"metadata" is not an object.', "Rename or remove it.")
            elif (origin := _ORIGINS.get(said)) is not None:
                yield Example(row=line.value, provenance=Provenance(origin=origin))
            else:
                provenance = Provenance(origin="imported", file=path.name, line=line.number)
                yield Example(row=line.value, provenance=provenance)
        elif line.fault is not None and line.fault.code != "blank":
            yield _refused_line(path, line.number, line.fault.message, "Mend the line and add it again.")


def _refused_line(path: Path, line: int, reason: str, fix: str) -> Refused:
    return Refused(file=path.name, line=line, field="", reason=reason, fix=fix)


class Spool:
    """What an addition read, in a file without a name: a killed process leaves nothing of it."""

    def __init__(self, folder: Path) -> None:
        self.added = self.pending = self.refused = 0
        """Raises DatasetNotFoundError where the dataset was removed or renamed meanwhile, DatasetError for no room."""
        self._rows = _unnamed(folder)
        self._refused = _unnamed(folder)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._rows.close()
        self._refused.close()

    def take(
        self,
        examples: Iterable[Example | Refused],
        refused: Iterable[Refused],
        on_progress: Callable[[int], None] | None,
    ) -> None:
        """Reads the source to its end. Raises DatasetError where the disk is full."""
        for source in (examples, refused):
            for record in source:
                self._take(record)
                read = self.added + self.refused
                if on_progress and read % _SAID_EVERY == 0:
                    on_progress(read)
        if on_progress:
            on_progress(self.added + self.refused)

    def rows(self) -> Iterator[tuple[Placed, str]]:
        """(columns, state) of each row."""
        for placed, state in _read(self._rows):
            yield (placed[0], bytes.fromhex(placed[1]), *placed[2:]), state

    def keep_refused(self, edits: Edits) -> None:
        edits.connection.executemany(
            "INSERT INTO refused (change, file, line, field, reason, fix) VALUES (?, ?, ?, ?, ?, ?)",
            ((edits.change, *values) for values in _read(self._refused)),
        )

    def _take(self, record: Example | Refused) -> None:
        if isinstance(record, Refused):
            self._refuse(record)
            return
        row = with_metadata(record)
        try:
            text, content, *rest = place(row, encoded(row))
        except DatasetFormatError as error:
            self._refuse(_refusal(record, error))
            return
        state = "pending" if record.provenance.origin in TO_REVIEW else "accepted"
        _write(self._rows, ((text, content.hex(), *rest), state))
        self.added += 1
        self.pending += state == "pending"

    def _refuse(self, refused: Refused) -> None:
        values = (refused.file, refused.line, refused.field, refused.reason, refused.fix)
        _write(
            self._refused,
            tuple(v.encode("utf-8", "replace").decode() if isinstance(v, str) else v for v in values),
        )
        self.refused += 1


def _unnamed(folder: Path) -> BinaryIO:
    try:
        return tempfile.TemporaryFile(dir=folder)
    except FileNotFoundError as error:
        raise DatasetNotFoundError(
            "The dataset was removed or renamed meanwhile: open it by its name and add the rows again."
        ) from error
    except OSError as error:
        raise DatasetError(
            f"The rows cannot be kept in {str(folder)!r} ({error.strerror}): check the disk and its permissions."
        ) from error


def _refusal(example: Example, error: DatasetFormatError) -> Refused:
    provenance = example.provenance
    return Refused(
        file=provenance.file or provenance.document or "",
        line=provenance.line or 0,
        field="",
        reason=str(error),
        fix="Correct the record and add it again.",
    )


def _write(file: BinaryIO, value: object) -> None:
    try:
        file.write(orjson.dumps(value) + b"\n")
    except OSError as error:
        raise DatasetError(
            f"The rows cannot be kept ({error.strerror}): free some space on the disk and add them again."
        ) from error


def _read(file: BinaryIO) -> Iterator[Any]:
    """What _write wrote, from the beginning."""
    file.seek(0)
    for line in file:
        yield orjson.loads(line)
