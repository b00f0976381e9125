"""The ledger: what was ordered of which place, written down before anything is sent, and what was seen of it since.

    ledger = Ledger(folder)                     # folder/ledger.db
    entry = ledger.write(order, account="...")
    with ledger.sending(entry.tag):             # one process at a time; let go of by itself where that process dies
        entry = ledger.change(entry.tag, state="creating", creating_at=now)

A job whose place is this machine stands in the ledger too: its dataset and recipe are what "train it again" needs.
"""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import sqlite3
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any, get_args

from errors import TuningBusyError, TuningError, TuningNotFoundError
from finetune.jobs.record import Method
from finetune.providers.orders import Entry, Order, Recipe, SeenEvent
from loaders.database import Database, FileKind
from loaders.schema import Migrations

LEDGER_FILE = "ledger.db"
TAG_KEY = "groundtune"  # in a job's metadata
OVER = frozenset({"sent", "lost"})  # states in which nothing is sent any more
UNFINISHED = ("written", "uploading", "creating")  # states of an order whose job is not known
_SENDING = "sending"
_SHORTEST_PREFIX = 4

_FIRST = """
CREATE TABLE entries (
  tag TEXT PRIMARY KEY, written_at REAL NOT NULL, place TEXT NOT NULL, model TEXT NOT NULL,
  dataset TEXT NOT NULL, dataset_name TEXT NOT NULL, data_sha256 TEXT NOT NULL, recipe TEXT NOT NULL,
  state TEXT NOT NULL, account TEXT NOT NULL, accepted INTEGER NOT NULL,
  training_file TEXT, validation_file TEXT, creating_at REAL, remote_id TEXT,
  job TEXT NOT NULL DEFAULT '{}', checked_at REAL, misses INTEGER NOT NULL DEFAULT 0,
  estimate TEXT, problem TEXT) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX one_entry_a_job ON entries (place, account, remote_id) WHERE remote_id IS NOT NULL;

CREATE TABLE events (
  tag TEXT NOT NULL REFERENCES entries ON DELETE CASCADE, sequence INTEGER NOT NULL, id TEXT NOT NULL,
  created_at REAL NOT NULL, level TEXT NOT NULL, type TEXT NOT NULL, message TEXT NOT NULL, data TEXT NOT NULL,
  PRIMARY KEY (tag, sequence), UNIQUE (tag, id)) STRICT, WITHOUT ROWID;

CREATE TABLE files (
  place TEXT NOT NULL, account TEXT NOT NULL, sha256 TEXT NOT NULL, id TEXT NOT NULL, uploaded_at REAL NOT NULL,
  PRIMARY KEY (place, account, sha256)) STRICT, WITHOUT ROWID
"""
_STEPS: Migrations = (("first tables", _FIRST),)
_KIND = FileKind(
    noun="ledger of fine-tuning jobs",
    steps=_STEPS,
    failed=TuningError,
    missing=TuningNotFoundError,
    busy=TuningBusyError,
    damaged=TuningError,
    repair="or restore it from a copy",
)
_JSON = frozenset({"recipe", "job", "estimate"})


class Ledger:
    """Thread-safe, and safe between processes."""

    def __init__(self, folder: Path, *, clock: Callable[[], float] = time.time) -> None:
        self.folder = folder
        self.clock = clock

    @cached_property
    def _database(self) -> Database:
        """Made at the first use, for this user's eyes only."""
        path = self.folder / LEDGER_FILE
        try:
            self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            if not path.exists():
                with contextlib.suppress(FileExistsError):
                    os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
        except OSError as error:
            raise TuningError(
                f"The ledger of jobs cannot be kept in {str(self.folder)!r} ({error.strerror}): check the disk."
            ) from error
        return Database(path, create=True, kind=_KIND)

    def close(self) -> None:
        opened = self.__dict__.pop("_database", None)
        if opened is not None:
            opened.close()

    # --- entries ----------------------------------------------------------------------------------

    def write(self, order: Order, *, account: str, accepted: bool) -> Entry:
        """On the disk when this returns. The same order, where it broke off before its job was known, is that entry:
        also of several who give it at the same moment.
        """
        tag = f"gt-{secrets.token_hex(8)}"
        data, recipe = order.data, _dumped(order.recipe.as_dict())
        with self._database.write() as connection:
            known = connection.execute(
                "SELECT tag FROM entries WHERE place = ? AND model = ? AND dataset = ? AND recipe = ? AND account = ?"
                f" AND state IN {UNFINISHED} ORDER BY written_at DESC",
                (order.place, order.model, data.hash, recipe, account),
            ).fetchone()
            if known is not None:
                return self.get(known[0])
            connection.execute(
                "INSERT INTO entries (tag, written_at, place, model, dataset, dataset_name, data_sha256, recipe,"
                " state, account, accepted, estimate) VALUES (?, ?, ?, ?, ?, ?, ?, ?, 'written', ?, ?, ?)",
                (
                    tag, self.clock(), order.place, order.model, data.hash, data.name, data.data_sha256, recipe,
                    account, accepted, _dumped(order.estimate) if order.estimate is not None else None,
                ),
            )  # fmt: skip
        return self.get(tag)

    def adopt(self, job: Mapping[str, Any], *, place: str, account: str, method: str) -> Entry:
        """A job that was made by other means: nothing is known of its dataset. Known already, it is that entry."""
        made, metadata = job.get("created_at"), job.get("metadata") or {}
        ours = metadata.get(TAG_KEY) if isinstance(metadata, dict) else None
        if isinstance(ours, str) and any(entry.tag == ours for entry in self.all()):
            return self.link(ours, job)
        with self._database.write() as connection:
            connection.execute(
                "INSERT INTO entries (tag, written_at, place, model, dataset, dataset_name, data_sha256, recipe,"
                " state, account, accepted, remote_id, job) VALUES (?, ?, ?, ?, '', '', '', ?, 'sent', ?, 1, ?, ?)"
                " ON CONFLICT DO NOTHING",
                (
                    f"gt-{secrets.token_hex(8)}",
                    float(made) if isinstance(made, (int, float)) else self.clock(),
                    place, str(job.get("model") or ""), _dumped(Recipe(method=_method(method)).as_dict()), account,
                    job["id"], _dumped(job),
                ),
            )  # fmt: skip
        return next(
            entry
            for entry in self.all()
            if (entry.place, entry.account, entry.remote_id) == (place, account, job["id"])
        )

    def link(self, tag: str, job: Mapping[str, Any]) -> Entry:
        """The order's job is known. Where somebody watched that job before, it is one entry from now on."""
        entry = self.get(tag)
        with self._database.write() as connection:
            connection.execute(
                "DELETE FROM entries WHERE place = ? AND account = ? AND remote_id = ? AND tag <> ?",
                (entry.place, entry.account, job["id"], tag),
            )
            connection.execute(
                "UPDATE entries SET state = 'sent', remote_id = ?, job = ?, checked_at = ?, problem = NULL"
                " WHERE tag = ?",
                (job["id"], _dumped(job), self.clock(), tag),
            )
        return self.get(tag)

    def get(self, tag: str) -> Entry:
        """Raises TuningNotFoundError."""
        with self._database.read() as connection:
            row = _rows(connection, "SELECT * FROM entries WHERE tag = ?", (tag,))
        if not row:
            raise TuningNotFoundError(f"There is no job {tag!r} in the ledger.")
        return _entry(row[0])

    def change(self, tag: str, **changes: Any) -> Entry:
        """Columns by name, as Entry has them."""
        values = [_dumped(value) if name in _JSON else value for name, value in changes.items()]
        names = ", ".join(f"{name} = ?" for name in changes)
        with self._database.write() as connection:
            connection.execute(f"UPDATE entries SET {names} WHERE tag = ?", (*values, tag))
        return self.get(tag)

    def all(self) -> list[Entry]:
        """The newest first."""
        if not self._there:
            return []
        with self._database.read() as connection:
            return [
                _entry(row)
                for row in _rows(connection, "SELECT * FROM entries ORDER BY written_at DESC, tag")
            ]

    def named(self, name: str) -> Entry | None:
        """By its job's id or its tag, or the beginning of either. Raises TuningNotFoundError where several begin so."""
        entries = self.all()
        exact = [entry for entry in entries if name in (entry.remote_id, entry.tag)]
        if exact:
            return exact[0]
        if len(name) < _SHORTEST_PREFIX:
            return None
        found = [entry for entry in entries if entry.id.startswith(name) or entry.tag.startswith(name)]
        if len(found) > 1:
            raise TuningNotFoundError(f"{len(found)} jobs begin with {name!r}: give more of the id.")
        return found[0] if found else None

    def claimed(self, place: str, account: str) -> frozenset[str]:
        """The place's jobs that belong to an entry already."""
        return frozenset(
            entry.remote_id
            for entry in self.all()
            if entry.place == place and entry.account == account and entry.remote_id
        )

    def remove(self, tag: str) -> None:
        with self._database.write() as connection:
            connection.execute("DELETE FROM entries WHERE tag = ?", (tag,))
        self._unlock(tag)

    @property
    def _there(self) -> bool:
        return (self.folder / LEDGER_FILE).is_file()

    # --- events -----------------------------------------------------------------------------------

    def add_events(self, tag: str, events: Sequence[Mapping[str, Any]]) -> list[SeenEvent]:
        """Those that were not seen before, in the order given: all of them or none. Oldest first."""
        with self._database.write() as connection:
            known = {
                str(row["id"]) for row in _rows(connection, "SELECT id FROM events WHERE tag = ?", (tag,))
            }
            fresh = list({event["id"]: event for event in events if event["id"] not in known}.values())
            added = [SeenEvent(sequence=len(known) + at, **event) for at, event in enumerate(fresh, start=1)]
            connection.executemany(
                "INSERT INTO events (tag, sequence, id, created_at, level, type, message, data)"
                " VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
                [
                    (tag, one.sequence, one.id, one.created_at, one.level, one.type, one.message, _dumped(one.data))
                    for one in added
                ],
            )  # fmt: skip
        return added

    def events(self, tag: str, *, after: int = 0, limit: int = 1_000_000) -> list[SeenEvent]:
        """Those past a sequence number, oldest first."""
        with self._database.read() as connection:
            found = _rows(
                connection,
                "SELECT * FROM events WHERE tag = ? AND sequence > ? ORDER BY sequence LIMIT ?",
                (tag, after, limit),
            )
        return [
            SeenEvent(**{**{key: value for key, value in row.items() if key != "tag"}, "data": json.loads(row["data"])})
            for row in found
        ]  # fmt: skip

    def known_events(self, tag: str) -> frozenset[str]:
        with self._database.read() as connection:
            found = _rows(connection, "SELECT id FROM events WHERE tag = ?", (tag,))
        return frozenset(str(row["id"]) for row in found)

    # --- files ------------------------------------------------------------------------------------

    def file(self, place: str, account: str, sha256: str) -> str | None:
        """The id under which the same bytes lie at the place already."""
        with self._database.read() as connection:
            found = _rows(
                connection,
                "SELECT id FROM files WHERE place = ? AND account = ? AND sha256 = ?",
                (place, account, sha256),
            )
        return str(found[0]["id"]) if found else None

    def keep_file(self, place: str, account: str, sha256: str, file_id: str) -> None:
        with self._database.write() as connection:
            connection.execute(
                "INSERT OR REPLACE INTO files (place, account, sha256, id, uploaded_at) VALUES (?, ?, ?, ?, ?)",
                (place, account, sha256, file_id, self.clock()),
            )

    # --- one sender -------------------------------------------------------------------------------

    @contextlib.contextmanager
    def sending(self, tag: str) -> Iterator[None]:
        """Held by one process, and by none once that has died. Raises TuningBusyError where another holds it."""
        folder = self.folder / _SENDING
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        lock = sqlite3.connect(folder / f"{tag}.lock", timeout=0, isolation_level=None)
        try:
            try:
                lock.execute("BEGIN EXCLUSIVE")
            except sqlite3.OperationalError as error:
                raise TuningBusyError(
                    f"Another process is sending {tag} just now: look again in a moment."
                ) from error
            yield
        finally:
            lock.close()
            self._unlock(tag)

    def _unlock(self, tag: str) -> None:
        """Takes the lock's file away once nothing is sent any more: who waits on the old one finds nothing to do."""
        with contextlib.suppress(TuningError):
            try:
                if self.get(tag).state not in OVER:
                    return
            except TuningNotFoundError:
                pass
            with contextlib.suppress(OSError):
                (self.folder / _SENDING / f"{tag}.lock").unlink()


def _rows(connection: sqlite3.Connection, query: str, values: Sequence[Any] = ()) -> list[dict[str, Any]]:
    cursor = connection.execute(query, values)
    names = [column[0] for column in cursor.description]
    return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]


def _entry(row: Mapping[str, Any]) -> Entry:
    values = {
        key: json.loads(value) if key in _JSON and value is not None else value for key, value in row.items()
    }
    return Entry(**{**values, "recipe": Recipe(**values["recipe"]), "accepted": bool(row["accepted"])})


def _method(name: str) -> Method:
    known: tuple[Method, ...] = get_args(Method)
    return next((method for method in known if method == name), "supervised")


def _dumped(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, sort_keys=True)
