"""Original files under blobs/SHA256, kept once for equal bytes and gone with their last document.

A file appears and goes while kb.db's write lock is held, and a row of `blob_intents` says beforehand which one may:
after a kill, `settle` looks at those alone.
"""

from __future__ import annotations

import contextlib
import os
import sqlite3
import time
import uuid
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from loaders.database import Database
from loaders.files import copy_hashed, hash_file, remove_quietly, sync_folder, write_atomically

__all__ = ["Blobs", "Staged"]

_STALE_SECONDS = 24 * 3600


@dataclass(frozen=True, slots=True, kw_only=True)
class Staged:
    """A private copy of an original: what is read is what is kept, whatever happens to the file meanwhile."""

    path: Path
    sha256: str
    bytes: int


class Blobs:
    def __init__(self, folder: Path, database: Database) -> None:
        self._folder = folder
        self._staging = folder / "staging"
        self._database = database

    def path(self, sha256: str) -> Path:
        return self._folder / sha256

    def stage_file(self, source: Path) -> Staged:
        path = self._staged_path()
        try:
            sha256, size = copy_hashed(source, path)
        except OSError:
            remove_quietly(path)
            raise
        return Staged(path=path, sha256=sha256, bytes=size)

    def stage_bytes(self, data: bytes) -> Staged:
        path = self._staged_path()
        write_atomically(path, data)
        sha256, size = hash_file(path)
        return Staged(path=path, sha256=sha256, bytes=size)

    def _staged_path(self) -> Path:
        self._staging.mkdir(parents=True, exist_ok=True)
        return self._staging / f"{os.getpid()}-{uuid.uuid4().hex}"

    def intend(self, connection: sqlite3.Connection, sha256: str) -> None:
        """Said in a transaction of its own, before `keep`."""
        connection.execute("INSERT OR IGNORE INTO blob_intents VALUES (?)", (sha256,))

    def keep(self, connection: sqlite3.Connection, staged: Path, sha256: str) -> None:
        """Inside the transaction that writes the document."""
        if staged.exists():
            staged.replace(self.path(sha256))
            sync_folder(self._folder)
        connection.execute("DELETE FROM blob_intents WHERE sha256 = ?", (sha256,))

    def settle(self) -> None:
        """Removes the blobs that were intended, or given up, and that no document has."""
        with self._database.read() as connection:
            if not connection.execute("SELECT 1 FROM blob_intents LIMIT 1").fetchone():
                return
        with self._database.write() as connection:
            intents = [row[0] for row in connection.execute("SELECT sha256 FROM blob_intents")]
            for sha256 in intents:
                if not connection.execute("SELECT 1 FROM documents WHERE blob = ?", (sha256,)).fetchone():
                    remove_quietly(self.path(sha256))
            connection.executemany("DELETE FROM blob_intents WHERE sha256 = ?", ((each,) for each in intents))

    def read(self, sha256: str) -> bytes | None:
        with contextlib.suppress(FileNotFoundError):
            return self.path(sha256).read_bytes()
        return None

    def names(self) -> set[str]:
        return (
            {path.name for path in self._folder.iterdir() if path.is_file()}
            if self._folder.is_dir()
            else set()
        )

    def staged_leftovers(self) -> Iterator[Path]:
        """Staged copies that a killed process has left, a day old or more."""
        oldest = time.time() - _STALE_SECONDS
        for path in self._staging.glob("*"):
            with contextlib.suppress(FileNotFoundError):
                if path.stat().st_mtime < oldest:
                    yield path

    @contextmanager
    def discarding(self, staged: Iterable[Staged]) -> Iterator[None]:
        """Whatever was staged and not kept is gone at the end."""
        try:
            yield
        finally:
            for each in staged:
                remove_quietly(each.path)
