"""kb.db: one writer at a time, readers beside it, every change a transaction.

WAL lets readers go on while one process writes. `synchronous=FULL`: a transaction is on the disk when `write` ends.
Less would do against a killed process but not against a power cut, after which the caches could know chunk
numbers that SQLite has forgotten and gives out again.
"""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from errors import (
    KnowledgeBaseBusyError,
    KnowledgeBaseDamagedError,
    KnowledgeBaseError,
    KnowledgeBaseNotFoundError,
)
from loaders.schema import migrate

__all__ = ["BUSY_SECONDS", "Database"]

BUSY_SECONDS = 15.0  # how long a second writer waits for the first


class Database:
    """Connections to one kb.db. Thread-safe; a transaction must not span threads."""

    def __init__(self, path: Path, *, create: bool = False, busy_seconds: float = BUSY_SECONDS) -> None:
        if not create and not path.is_file():
            raise KnowledgeBaseNotFoundError(f"There is no knowledge base in {str(path.parent)!r}.")
        self.path = path
        self._busy_seconds = busy_seconds
        self._write_lock = threading.RLock()
        self._pool_lock = threading.Lock()
        self._idle: list[sqlite3.Connection] = []
        self._closed = False
        with mapped_errors(path):
            connection = self._connect()
            try:
                migrate(connection)
            except BaseException:
                connection.close()
                raise
        self._idle.append(connection)

    @contextmanager
    def read(self) -> Iterator[sqlite3.Connection]:
        """One snapshot: everything read inside is of one moment."""
        with mapped_errors(self.path), self._borrowed() as connection:
            connection.execute("BEGIN")
            try:
                yield connection
            finally:
                if connection.in_transaction:  # a full disk or a damaged file ends it by itself
                    connection.execute("ROLLBACK")

    @contextmanager
    def write(self) -> Iterator[sqlite3.Connection]:
        """All or nothing. Raises KnowledgeBaseBusyError when another process writes for too long."""
        if not self._write_lock.acquire(timeout=self._busy_seconds):
            raise KnowledgeBaseBusyError(_BUSY)
        try:
            with mapped_errors(self.path), self._borrowed() as connection:
                connection.execute("BEGIN IMMEDIATE")
                try:
                    yield connection
                    connection.execute("COMMIT")
                finally:
                    if connection.in_transaction:
                        connection.execute("ROLLBACK")
        finally:
            self._write_lock.release()

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
                raise KnowledgeBaseError("This knowledge base was closed: open it again.")
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


_BUSY = "Another process is writing to this knowledge base: wait for it to finish and try again."


@contextmanager
def mapped_errors(path: Path) -> Iterator[None]:
    """SQLite's errors as the program's own."""
    try:
        yield
    except sqlite3.OperationalError as error:
        if "locked" in str(error) or "busy" in str(error):
            raise KnowledgeBaseBusyError(_BUSY) from error
        raise KnowledgeBaseDamagedError(_damaged(path, error)) from error
    except sqlite3.DatabaseError as error:
        raise KnowledgeBaseDamagedError(_damaged(path, error)) from error


def _damaged(path: Path, error: sqlite3.Error) -> str:
    return (
        f"The knowledge base file {str(path)!r} cannot be used ({error}): check the disk and its permissions, "
        "then run the kb doctor command or restore the file from a copy."
    )
