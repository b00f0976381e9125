"""groundtune.db: conversations, feedback and votes (later jobs and evaluations) of all tenants, through SQLAlchemy.

All that is particular to SQLite stands in this file: WAL (readers go on while one process writes), `BEGIN IMMEDIATE`,
`synchronous=FULL` (what was committed outlives a power cut), and `secure_delete` with `forget`, after which what was
deleted is in no file.
"""

from __future__ import annotations

import os
import sqlite3
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.engine import URL, make_url
from sqlalchemy.engine.interfaces import DBAPICursor
from sqlalchemy.exc import ArgumentError, DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

from app.records.migrations import MIGRATIONS, Migration, migrate, pending
from errors import RecordsBusyError, RecordsDamagedError, SettingsError

__all__ = ["BUSY_SECONDS", "Database"]

BUSY_SECONDS = 15.0  # how long a second writer waits for the first
_FORGET_SECONDS = 2.0  # how long a deletion waits for readers before the log is emptied later
_PRAGMAS = ("synchronous = FULL", "foreign_keys = ON", "secure_delete = ON")
_BUSY = "Another process is writing conversations: wait for it to finish and try again."


class Database:
    """Transactions on one database. Thread-safe; a transaction must not span threads."""

    def __init__(
        self,
        url_or_path: str | Path,
        *,
        busy_seconds: float = BUSY_SECONDS,
        steps: Sequence[Migration] = MIGRATIONS,
    ) -> None:
        url = _url(url_or_path)
        self.path = Path(str(url.database))
        self._writing = (
            threading.RLock()
        )  # threads of one process take turns; SQLite's own waiting is not fair
        self._busy_seconds = busy_seconds
        with self._mapped_errors():
            _private_file(self.path)
            self._engine = _engine(url, busy_seconds)
            self._migrate(steps)
        self.forget(wait_s=0.0)  # a process may have been killed between a deletion and this

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """One snapshot: everything read inside is of one moment."""
        with self._mapped_errors(), self._engine.begin() as connection:
            yield connection

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """All or nothing. Raises RecordsBusyError when another process writes for too long."""
        if not self._writing.acquire(timeout=self._busy_seconds):
            raise RecordsBusyError(_BUSY)
        try:
            with (
                self._mapped_errors(),
                self._engine.execution_options(writes=True).begin() as connection,
            ):
                yield connection
        finally:
            self._writing.release()

    def forget(self, *, wait_s: float = _FORGET_SECONDS) -> bool:
        """Empties the write-ahead log, where deleted rows still stand; False where a reader was in the way.

        It is tried again at the next deletion and when the database is next opened.
        """
        with self._writing, self._mapped_errors():
            raw = self._engine.raw_connection()
            try:
                cursor = raw.cursor()
                cursor.execute(f"PRAGMA busy_timeout = {int(wait_s * 1000)}")
                return _log_emptied(cursor)
            finally:
                raw.invalidate()  # its patience is too short for anything else
                raw.close()

    def close(self) -> None:
        """Connections in use are closed when they come back."""
        self._engine.dispose()

    def _migrate(self, steps: Sequence[Migration]) -> None:
        """Another process may do the same: each step looks again once it holds the file."""
        with self.write() as connection:
            left = len(pending(connection, steps))
        for _ in range(left):
            with self.write() as connection:
                for step in pending(connection, steps)[:1]:
                    migrate(connection, step)

    @contextmanager
    def _mapped_errors(self) -> Iterator[None]:
        """SQLAlchemy's and the system's errors as the program's own."""
        try:
            yield
        except PoolTimeoutError as error:
            raise RecordsBusyError(_BUSY) from error
        except (DBAPIError, sqlite3.Error) as error:
            cause = error.orig if isinstance(error, DBAPIError) else error
            if "locked" in str(cause) or "busy" in str(cause):
                raise RecordsBusyError(_BUSY) from error
            raise RecordsDamagedError(_damaged(self.path, str(cause))) from error
        except OSError as error:
            raise RecordsDamagedError(_damaged(self.path, error.strerror or str(error))) from error


def _url(url_or_path: str | Path) -> URL:
    """A path, or an URL of SQLAlchemy's. Raises SettingsError for what cannot be opened yet."""
    text = str(url_or_path)
    if "://" not in text:
        return URL.create("sqlite", database=text)
    try:
        url = make_url(text)
    except ArgumentError as error:
        raise SettingsError("DATABASE_URL is no address of a database: give sqlite:///PATH.") from error
    if url.get_backend_name() != "sqlite" or not url.database:
        raise SettingsError(
            f"DATABASE_URL names {url.get_backend_name()!r}, which this version cannot use: give sqlite:///PATH."
        )
    return url


def _private_file(path: Path) -> None:
    """The file is its user's alone; SQLite gives its log the same mode."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        if os.name != "nt":
            os.fchmod(descriptor, 0o600)
    finally:
        os.close(descriptor)


def _engine(url: URL, busy_seconds: float) -> Engine:
    """Transactions begin when we say so, not when the driver thinks (SQLAlchemy's recipe for SQLite)."""
    engine = create_engine(
        url,
        connect_args={"timeout": busy_seconds, "isolation_level": None, "check_same_thread": False},
        pool_size=8,
        max_overflow=64,
        pool_timeout=busy_seconds,
    )

    @event.listens_for(engine, "connect")
    def _prepare(connection: sqlite3.Connection, _: object) -> None:
        _turn_on_wal(connection, busy_seconds)
        for pragma in _PRAGMAS:
            connection.execute(f"PRAGMA {pragma}")

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        writes = connection.get_execution_options().get("writes")
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")

    return engine


def _log_emptied(cursor: DBAPICursor) -> bool:
    """Whether the write-ahead log is in the database file, and empty."""
    try:
        cursor.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    except sqlite3.OperationalError as error:
        if "locked" in str(error):  # another process is just opening or closing the file
            return False
        raise
    row = cursor.fetchone()
    return row is not None and row[0] == 0


def _turn_on_wal(connection: sqlite3.Connection, busy_seconds: float) -> None:
    """The change of mode does not wait by itself while another process changes it too."""
    give_up = time.monotonic() + busy_seconds
    while True:
        try:
            connection.execute("PRAGMA journal_mode = WAL")
            return
        except sqlite3.OperationalError as error:
            if "locked" not in str(error) or time.monotonic() > give_up:
                raise
            time.sleep(0.01)


def _damaged(path: Path, reason: str) -> str:
    return (
        f"The database of conversations {str(path)!r} cannot be used ({reason}): check the disk and its permissions, "
        "or restore the file from a copy."
    )
