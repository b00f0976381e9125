"""Uploaded files: their bytes under an id of ours, never under a name that a client chose."""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
import secrets
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import BinaryIO, Literal

from errors import TuningError, TuningNotFoundError, TuningRequestError
from finetune.jobs.paging import Page, page_of
from finetune.jobs.record import StoredFile
from finetune.jobs.rows import FILE, as_file
from loaders.database import Database
from loaders.files import sync_folder

__all__ = ["LARGEST_FILE", "FileTable", "safe_name", "write_whole"]

LARGEST_FILE = 8 * 2**30  # bytes
_AT_ONCE = 2**20
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
LONGEST_NAME = 255
LEFT_S = 86_400


class FileTable:
    def __init__(
        self,
        database: Callable[[], Database],
        clock: Callable[[], float],
        folder: Path,
        *,
        largest: int = LARGEST_FILE,
    ) -> None:
        self._database = database
        self._clock = clock
        self._folder = folder
        self._largest = largest

    def add(
        self, source: BinaryIO | Path, filename: str, purpose: str, *, expires_after: int | None = None
    ) -> StoredFile:
        """All of it or nothing; `expires_after` in seconds. Raises TuningRequestError where it is too large,
        TuningError where the disk is full."""
        self._forget_old()
        if isinstance(source, Path):
            with _opened(source) as stream:
                return self.add(stream, filename, purpose, expires_after=expires_after)
        made = f"file-{secrets.token_hex(12)}"
        size, sha256 = write_whole(self.path(made), source, largest=self._largest, param="file")
        now = self._clock()
        expires = now + expires_after if expires_after else None
        try:
            with self._database().write() as rows:
                (place,) = rows.execute("SELECT coalesce(max(place), 0) + 1 FROM files").fetchone()
                values = (made, safe_name(filename), purpose, size, sha256, now, expires, place)
                rows.execute("INSERT INTO files VALUES (?, ?, ?, ?, ?, ?, ?, ?)", values)
        except BaseException:
            self.path(made).unlink(missing_ok=True)
            raise
        return self.get(made)

    def get(self, file_id: str) -> StoredFile:
        """Raises TuningNotFoundError; an expired file is gone."""
        with self._database().read() as rows:
            found = rows.execute(
                f"SELECT {FILE} FROM files WHERE id = ? AND (expires_at IS NULL OR expires_at > ?)",
                (file_id, self._clock()),
            ).fetchone()
        if found is None:
            raise TuningNotFoundError(f"There is no file {file_id!r}.")
        return as_file(found)

    def list(
        self,
        *,
        purpose: str | None = None,
        after: str | None = None,
        limit: int = 10_000,
        order: Literal["asc", "desc"] = "desc",
    ) -> Page[StoredFile]:
        """By their age."""
        with self._database().read() as rows:
            place = _place(
                rows.execute("SELECT place FROM files WHERE id = ?", (after,)).fetchone(), after, order
            )
            beyond, direction = ("<", "DESC") if order == "desc" else (">", "ASC")
            found = rows.execute(
                f"SELECT {FILE} FROM files WHERE place {beyond} ? AND (? IS NULL OR purpose = ?) "
                f"AND (expires_at IS NULL OR expires_at > ?) ORDER BY place {direction} LIMIT ?",
                (place, purpose, purpose, self._clock(), limit + 1),
            )
            return page_of([as_file(row) for row in found], limit)

    def path(self, file_id: str) -> Path:
        """Where its bytes lie, for a file that `get` knows."""
        return self._folder / file_id

    def content(self, file_id: str) -> bytes:
        return self.path(self.get(file_id).id).read_bytes()

    def delete(self, file_id: str) -> None:
        """For good. Raises TuningNotFoundError."""
        self.get(file_id)
        with self._database().write() as rows:
            rows.execute("DELETE FROM files WHERE id = ?", (file_id,))
        self.path(file_id).unlink(missing_ok=True)

    def _forget_old(self) -> None:
        """What has expired, and what a killed process left: bytes of a day ago that no row knows."""
        now = self._clock()
        with self._database().write() as rows:
            doomed = rows.execute("DELETE FROM files WHERE expires_at <= ? RETURNING id", (now,)).fetchall()
            known = {name for (name,) in rows.execute("SELECT id FROM files")}
        for (name,) in doomed:
            self.path(name).unlink(missing_ok=True)
        for path in self._folder.glob("*") if self._folder.is_dir() else ():
            with contextlib.suppress(FileNotFoundError):  # another process sweeps too
                if path.name not in known and path.stat().st_mtime < now - LEFT_S:
                    path.unlink()


@contextlib.contextmanager
def _opened(path: Path) -> Iterator[BinaryIO]:
    try:
        stream = path.open("rb")
    except OSError as error:
        raise TuningRequestError(f"{str(path)!r} cannot be read ({error.strerror}).", param="file") from error
    with stream:
        yield stream


def write_whole(path: Path, stream: BinaryIO, *, largest: int, param: str) -> tuple[int, str]:
    """(bytes, SHA-256): all of it on disk, or nothing.

    Raises TuningRequestError past `largest` bytes, TuningError where the disk is full.
    """
    size, digest, part = 0, hashlib.sha256(), path.with_name(f".{path.name}")
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with part.open("xb") as file:
            while data := stream.read(_AT_ONCE):
                size += len(data)
                if size > largest:
                    raise TuningRequestError(f"It is larger than {largest:,} bytes: split it.", param=param)
                digest.update(data)
                file.write(data)
            file.flush()
            os.fsync(file.fileno())
        part.rename(path)
        sync_folder(path.parent)
    except OSError as error:
        path.unlink(missing_ok=True)
        raise TuningError(f"The file cannot be kept ({error.strerror}): check the disk.") from error
    finally:
        part.unlink(missing_ok=True)
    return size, digest.hexdigest()


def safe_name(given: str) -> str:
    """A name to show: what follows the last slash of either kind, without control characters."""
    last = re.split(r"[/\\]", given)[-1]
    plain = _CONTROL.sub("", last).strip().encode("utf-8", "replace").decode()
    return plain[-LONGEST_NAME:] if plain.strip(".") else "upload"


def _place(found: tuple[int] | None, after: str | None, order: str) -> int:
    if after is None:
        return 2**62 if order == "desc" else -1
    if found is None:
        raise TuningNotFoundError(f"There is no file {after!r} to go on after.")
    return found[0]
