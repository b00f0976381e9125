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
from dataclasses import dataclass
from pathlib import Path

from loaders.database import Database
from loaders.files import copy_hashed, hash_file, remove_quietly, sync_folder, write_atomically

__all__ = ["Blobs", "Staged", "staged_path"]

STAGING = "staging"
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
        self._staging = folder / STAGING
        self._database = database

    def path(self, sha256: str) -> Path:
        return self._folder / sha256

    def stage_file(self, source: Path) -> Staged:
        path = staged_path(self._folder)
        try:
            sha256, size = copy_hashed(source, path)
        except OSError:
            remove_quietly(path)
            raise
        return Staged(path=path, sha256=sha256, bytes=size)

    def stage_bytes(self, data: bytes) -> Staged:
        path = staged_path(self._folder)
        write_atomically(path, data)
        sha256, size = hash_file(path)
        return Staged(path=path, sha256=sha256, bytes=size)

    def intend(self, connection: sqlite3.Connection, names: Iterable[str]) -> None:
        """Said in a transaction of its own, before `keep`."""
        connection.executemany("INSERT OR IGNORE INTO blob_intents VALUES (?)", ((name,) for name in names))

    def keep(self, connection: sqlite3.Connection, staged: Path, sha256: str) -> None:
        """Inside the transaction that writes the document."""
        if staged.exists():
            staged.replace(self.path(sha256))
            sync_folder(self._folder)
        connection.execute("DELETE FROM blob_intents WHERE sha256 = ?", (sha256,))

    def clear_staging(self) -> None:
        for path in self.staged_leftovers():
            remove_quietly(path)

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


def staged_path(folder: Path) -> Path:
    """A new private name under `folder`/staging; what a killed process leaves there is removed a day later."""
    (folder / STAGING).mkdir(parents=True, exist_ok=True)
    return folder / STAGING / f"{os.getpid()}-{uuid.uuid4().hex}"
