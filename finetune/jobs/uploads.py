"""Files that come in parts: begun, filled, and completed in the order that the client names, within an hour."""

from __future__ import annotations

import contextlib
import hashlib
import secrets
import shutil
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import BinaryIO, Literal, cast

from errors import TuningNotFoundError, TuningRequestError, TuningStateError
from finetune.jobs.files import LARGEST_FILE, FileTable, safe_name, write_whole
from finetune.jobs.record import StoredFile
from loaders.database import Database

__all__ = ["LARGEST_PART", "Part", "Upload", "UploadTable"]

LARGEST_PART = 64 * 2**20  # bytes
LASTS_S = 3600
KEPT_S = 24 * 3600  # past its end, so that a client who lost the answer can still ask what came of it
UploadState = Literal["pending", "completed", "cancelled", "expired"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Upload:
    id: str  # upload_...
    filename: str
    purpose: str
    bytes: int  # that were announced
    mime_type: str
    status: UploadState
    created_at: float
    expires_at: float
    file: StoredFile | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    id: str  # part_...
    upload_id: str
    bytes: int
    created_at: float


class UploadTable:
    def __init__(
        self, database: Callable[[], Database], clock: Callable[[], float], folder: Path, files: FileTable
    ) -> None:
        self._database = database
        self._clock = clock
        self._folder = folder
        self._files = files

    def create(
        self,
        *,
        filename: str,
        purpose: str,
        bytes: int,
        mime_type: str,
        expires_after: int | None = None,
    ) -> Upload:
        """Raises TuningRequestError for a size that is none, or too large."""
        if not 0 < bytes <= LARGEST_FILE:
            raise TuningRequestError(f"bytes must be from 1 to {LARGEST_FILE:,}.", param="bytes")
        self._forget_old()
        name, now = f"upload_{secrets.token_hex(12)}", self._clock()
        with self._database().write() as rows:
            rows.execute(
                "INSERT INTO uploads VALUES (?, ?, ?, ?, ?, 'pending', ?, ?, NULL, ?)",
                (name, safe_name(filename), purpose, bytes, mime_type, now, now + LASTS_S, expires_after),
            )
        return self.get(name)

    def get(self, upload_id: str) -> Upload:
        with self._database().read() as rows:
            found = rows.execute("SELECT * FROM uploads WHERE id = ?", (upload_id,)).fetchone()
        if found is None:
            raise TuningNotFoundError(f"There is no upload {upload_id!r}.")
        state = cast(UploadState, found[5])
        if state == "pending" and found[7] <= self._clock():
            state = "expired"
        made = Upload(
            id=found[0], filename=found[1], purpose=found[2], bytes=found[3], mime_type=found[4], status=state,
            created_at=found[6], expires_at=found[7],
        )  # fmt: skip
        with contextlib.suppress(TuningNotFoundError):  # it was deleted since, or has expired
            return replace(made, file=self._files.get(found[8])) if found[8] else made
        return made

    def add_part(self, upload_id: str, stream: BinaryIO) -> Part:
        """Raises TuningStateError where the upload is over, TuningRequestError for a part of more than 64 MiB."""
        upload = self._pending(upload_id)
        name = f"part_{secrets.token_hex(12)}"
        path = self._folder / upload_id / name
        size, _ = write_whole(path, stream, largest=min(LARGEST_PART, self._room(upload)), param="data")
        part = Part(id=name, upload_id=upload_id, bytes=size, created_at=self._clock())
        try:
            with self._database().write() as rows:
                _still_pending(rows, upload_id)
                values = (part.id, upload_id, part.bytes, part.created_at)
                rows.execute("INSERT INTO parts VALUES (?, ?, ?, ?)", values)
        except BaseException:
            path.unlink(missing_ok=True)
            raise
        return part

    def _room(self, upload: Upload) -> int:
        """Bytes: every part may come twice, where an answer was lost, but not without end."""
        with self._database().read() as rows:
            (held,) = rows.execute(
                "SELECT coalesce(sum(bytes), 0) FROM parts WHERE upload = ?", (upload.id,)
            ).fetchone()
        return max(0, 2 * upload.bytes - int(held))

    def complete(self, upload_id: str, part_ids: Sequence[str], *, md5: str | None = None) -> Upload:
        """The file, of the parts in this order. Raises TuningRequestError where parts, size or checksum do not fit."""
        upload = self._pending(upload_id)
        paths = [self._part(upload_id, part) for part in part_ids]
        if len(set(part_ids)) != len(part_ids):
            raise TuningRequestError("A part is named twice.", param="part_ids")
        size = sum(path.stat().st_size for path in paths)
        if size != upload.bytes:
            raise TuningRequestError(
                f"The parts hold {size:,} bytes, but {upload.bytes:,} were announced.", param="part_ids"
            )
        if md5 is not None and _md5(paths) != md5.lower():
            raise TuningRequestError(
                "The parts are not what their checksum says: send them again.", param="md5"
            )
        with self._database().read() as rows:
            (seconds,) = rows.execute(
                "SELECT file_seconds FROM uploads WHERE id = ?", (upload_id,)
            ).fetchone()
        stored = self._files.add(
            cast(BinaryIO, _Joined(paths)), upload.filename, upload.purpose, expires_after=seconds
        )
        try:
            self._end(upload_id, "completed", stored.id)
        except TuningStateError:  # somebody else was faster
            self._files.delete(stored.id)
            raise
        return self.get(upload_id)

    def cancel(self, upload_id: str) -> Upload:
        """Raises TuningStateError where it is over."""
        self._pending(upload_id)
        self._end(upload_id, "cancelled", None)
        return self.get(upload_id)

    def _pending(self, upload_id: str) -> Upload:
        upload = self.get(upload_id)
        if upload.status != "pending":
            raise TuningStateError(f"The upload {upload_id} is {upload.status}: begin a new one.")
        return upload

    def _part(self, upload_id: str, part_id: str) -> Path:
        with self._database().read() as rows:
            found = rows.execute(
                "SELECT 1 FROM parts WHERE id = ? AND upload = ?", (part_id, upload_id)
            ).fetchone()
        if found is None:
            raise TuningRequestError(f"The upload has no part {part_id!r}.", param="part_ids")
        return self._folder / upload_id / part_id

    def _end(self, upload_id: str, state: UploadState, file_id: str | None) -> None:
        """Once: of two who complete or cancel it at the same time one is refused."""
        with self._database().write() as rows:
            _still_pending(rows, upload_id)
            rows.execute("UPDATE uploads SET state = ?, file = ? WHERE id = ?", (state, file_id, upload_id))
        shutil.rmtree(self._folder / upload_id, ignore_errors=True)

    def _forget_old(self) -> None:
        """Parts of uploads that nobody completed in time, and a day later what is known of any that is over."""
        now = self._clock()
        with self._database().write() as rows:
            over = rows.execute(
                "UPDATE uploads SET state = 'expired' WHERE state = 'pending' AND expires_at <= ? RETURNING id",
                (now,),
            ).fetchall()
            rows.execute("DELETE FROM uploads WHERE state <> 'pending' AND expires_at <= ?", (now - KEPT_S,))
        for (name,) in over:
            shutil.rmtree(self._folder / name, ignore_errors=True)


def _still_pending(rows: sqlite3.Connection, upload_id: str) -> None:
    (state,) = rows.execute("SELECT state FROM uploads WHERE id = ?", (upload_id,)).fetchone()
    if state != "pending":
        raise TuningStateError(f"The upload {upload_id} is {state}: begin a new one.")


class _Joined:
    """The parts read one after another, as one file."""

    def __init__(self, paths: Sequence[Path]) -> None:
        self._blocks = _blocks(paths)

    def read(self, _size: int = -1) -> bytes:
        return next(self._blocks, b"")


def _blocks(paths: Sequence[Path]) -> Iterator[bytes]:
    for path in paths:
        with path.open("rb") as file:
            while data := file.read(2**20):
                yield data


def _md5(paths: Sequence[Path]) -> str:
    """The checksum that OpenAI's clients send; no protection against anybody."""
    digest = hashlib.md5(usedforsecurity=False)
    for block in _blocks(paths):
        digest.update(block)
    return digest.hexdigest()
