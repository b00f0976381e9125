"""kb.db and dataset.db: one writer at a time, readers beside it, every change a transaction.

WAL lets readers go on while one process writes. `synchronous=FULL`: a transaction is on the disk when `write` ends.
Less would do against a killed process but not against a power cut, after which the caches could know chunk
numbers that SQLite has forgotten and gives out again.
"""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from errors import (
    GroundtuneError,
    KnowledgeBaseBusyError,
    KnowledgeBaseDamagedError,
    KnowledgeBaseError,
    KnowledgeBaseNotFoundError,
)
from loaders.schema import MIGRATIONS, Migrations, migrate

__all__ = ["BUSY_SECONDS", "KNOWLEDGE_BASE", "Database", "FileKind"]

BUSY_SECONDS = 15.0  # how long a second writer waits for the first


@dataclass(frozen=True, slots=True, kw_only=True)
class FileKind:
    """What such a file holds, and what its failures are called."""

    noun: str
    steps: Migrations
    failed: type[GroundtuneError]
    missing: type[GroundtuneError]
    busy: type[GroundtuneError]
    damaged: type[GroundtuneError]
    repair: str  # what a user does about a damaged one, after "check the disk and its permissions, "


KNOWLEDGE_BASE = FileKind(
    noun="knowledge base",
    steps=MIGRATIONS,
    failed=KnowledgeBaseError,
    missing=KnowledgeBaseNotFoundError,
    busy=KnowledgeBaseBusyError,
    damaged=KnowledgeBaseDamagedError,
    repair="then run the kb doctor command or restore the file from a copy",
)


class Database:
    """Connections to one such file. Thread-safe; a transaction must not span threads."""

    def __init__(
        self,
        path: Path,
        *,
        create: bool = False,
        busy_seconds: float = BUSY_SECONDS,
        kind: FileKind = KNOWLEDGE_BASE,
    ) -> None:
        if not create and not path.is_file():
            raise kind.missing(f"There is no {kind.noun} in {str(path.parent)!r}.")
        self.path = path
        self._kind = kind
        self._busy_seconds = busy_seconds
        self._write_lock = threading.RLock()
        self._pool_lock = threading.Lock()
        self._idle: list[sqlite3.Connection] = []
        self._closed = False
        with mapped_errors(path, kind):
            connection = self._connect()
            try:
                migrate(connection, kind.steps, noun=kind.noun, damaged=kind.damaged)
            except BaseException:
                connection.close()
                raise
        self._idle.append(connection)

    @contextmanager
    def read(self) -> Iterator[sqlite3.Connection]:
        """One snapshot: everything read inside is of one moment."""
        with mapped_errors(self.path, self._kind), self._borrowed() as connection:
            connection.execute("BEGIN")
            try:
                yield connection
            finally:
                if connection.in_transaction:  # a full disk or a damaged file ends it by itself
                    connection.execute("ROLLBACK")

    @contextmanager
    def write(self) -> Iterator[sqlite3.Connection]:
        """All or nothing. Raises the kind's busy error when another process writes for too long."""
        if not self._write_lock.acquire(timeout=self._busy_seconds):
            raise self._kind.busy(_busy(self._kind))
        try:
            with mapped_errors(self.path, self._kind), self._borrowed() as connection:
                connection.execute("BEGIN IMMEDIATE")
                try:
                    yield connection
                    connection.execute("COMMIT")
                finally:
                    if connection.in_transaction:
                        connection.execute("ROLLBACK")
        finally:
            self._write_lock.release()

    def empty_log(self) -> None:
        """After a deletion: what was deleted still stands in the write-ahead log, unless a reader holds it."""
        with mapped_errors(self.path, self._kind), self._borrowed() as connection:
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")

    def close(self) -> None:
        """Idle connections are closed; those in use close when they come back."""
        with self._pool_lock:
            self._closed = True
            while self._idle:
                self._idle.pop().close()

    @contextmanager
    def _borrowed(self) -> Iterator[sqlite3.Connection]:
        with self._pool_lock:
            if self._closed:
                raise self._kind.failed(f"This {self._kind.noun} was closed: open it again.")
            connection = self._idle.pop() if self._idle else None
        connection = connection or self._connect()
        try:
            yield connection
        finally:
            self._give_back(connection)

    def _give_back(self, connection: sqlite3.Connection) -> None:
        with self._pool_lock:
            if self._closed:
                connection.close()
            else:
                self._idle.append(connection)

    def _connect(self) -> sqlite3.Connection:
        connection = sqlite3.connect(
            self.path, timeout=self._busy_seconds, isolation_level=None, check_same_thread=False
        )
        try:
            for pragma in (
                "journal_mode = WAL",
                "synchronous = FULL",
                "foreign_keys = ON",
                "secure_delete = ON",
            ):
                connection.execute(f"PRAGMA {pragma}")
        except BaseException:
            connection.close()
            raise
        return connection


@contextmanager
def mapped_errors(path: Path, kind: FileKind = KNOWLEDGE_BASE) -> Iterator[None]:
    """SQLite's errors as the program's own."""
    try:
        yield
    except sqlite3.OperationalError as error:
        if "locked" in str(error) or "busy" in str(error):
            raise kind.busy(_busy(kind)) from error
        raise kind.damaged(_damaged(path, error, kind)) from error
    except sqlite3.DatabaseError as error:
        raise kind.damaged(_damaged(path, error, kind)) from error


def _busy(kind: FileKind) -> str:
    return f"Another process is writing to this {kind.noun}: wait for it to finish and try again."


def _damaged(path: Path, error: sqlite3.Error, kind: FileKind) -> str:
    if "disk is full" in str(error):
        return f"The {kind.noun} file {str(path)!r} cannot grow ({error}): make room, then try again; nothing is lost."
    return (
        f"The {kind.noun} file {str(path)!r} cannot be used ({error}): check the disk and its permissions, "
        f"{kind.repair}."
    )
