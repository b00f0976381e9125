"""One working training set: its rows are added, looked at, edited, reviewed, tagged and exported (finetune/dataset.py).

One SQLite file. Several threads and processes may use it at once; every change is a transaction, so a process that is
killed leaves it as it was before or after. A change can be taken back, by another process too, until 200 followed it.
"""

from __future__ import annotations

import hashlib
import json
import sqlite3
import unicodedata
from array import array
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from errors import DatasetError, DatasetFormatError, DatasetNotFoundError, SettingsError
from finetune import dataset_journal as journal
from finetune.dataset_adding import Spool
from finetune.dataset_queries import count_rows, found_ids, found_page, read_counts, read_refused, read_row
from finetune.dataset_rows import (
    LONGEST_TAG,
    MOST_ROWS,
    ORDERS,
    STATES,
    AddReport,
    Change,
    Counts,
    Export,
    RowPage,
    RowQuery,
    State,
    StoredRow,
    encoded,
    without_metadata,
)
from finetune.dataset_schema import DATASET
from finetune.examples import METADATA, Example, Refused, Row
from loaders.database import BUSY_SECONDS, Database
from loaders.jsonl import write_whole

__all__ = ["Dataset"]

_DONE: dict[State, str] = {"accepted": "Accept", "rejected": "Reject", "pending": "Put back to review"}


def _now() -> datetime:
    return datetime.now(UTC)


class Dataset:
    """One working training set. Thread-safe."""

    def __init__(
        self,
        path: Path,
        *,
        clock: Callable[[], datetime] = _now,
        busy_seconds: float = BUSY_SECONDS,
    ) -> None:
        """`path`: of its dataset.db. Raises DatasetNotFoundError, or DatasetError where it cannot be used."""
        self.path = path
        self._clock = clock
        self._database = Database(path, busy_seconds=busy_seconds, kind=DATASET)

    @property
    def name(self) -> str:
        return self.setting("name") or self.path.parent.name

    def close(self) -> None:
        self._database.close()

    # --- rows in ----------------------------------------------------------------------------------

    def add(
        self,
        examples: Iterable[Example | Refused],
        refused: Iterable[Refused] = (),
        *,
        description: str | None = None,
        on_progress: Callable[[int], None] | None = None,
    ) -> AddReport:
        """All or none, as one change. Rows stream through a temporary file, so a slow source holds nobody up.

        Exact duplicates are added too, and counted. Generated and extracted rows come in as "pending".
        `on_progress` gets the records read so far; what it raises ends the addition with nothing added.
        """
        with Spool(self.path.parent) as spool:
            spool.take(examples, refused, on_progress)
            if not spool.added + spool.refused:
                return AddReport(added=0, pending=0, duplicates=0, refused=0)
            with self._edits() as edits:
                edits.insert(spool.rows())
                spool.keep_refused(edits)
                edits.describe(description or f"Add {_rows(edits.rows)}")
                duplicates = _duplicates(edits)
        return AddReport(
            added=spool.added, pending=spool.pending, duplicates=duplicates, refused=spool.refused
        )

    # --- looking ----------------------------------------------------------------------------------

    def rows(self, query: RowQuery | None = None) -> RowPage:
        """A page of what matches. Raises SettingsError for a query that cannot be asked."""
        asked = query or RowQuery()
        _check(asked)
        with self._database.read() as connection:
            return found_page(connection, asked)

    def ids(self, query: RowQuery | None = None) -> list[int]:
        """Of all rows that match, in order, whatever the query's offset and limit."""
        with self._database.read() as connection:
            return found_ids(connection, query or RowQuery())

    def count(self, query: RowQuery | None = None) -> int:
        with self._database.read() as connection:
            return count_rows(connection, query or RowQuery())

    def row(self, row_id: int) -> StoredRow:
        """Raises DatasetNotFoundError."""
        with self._database.read() as connection:
            return _found(connection, row_id)

    def counts(self) -> Counts:
        with self._database.read() as connection:
            return read_counts(connection)

    def refused(self, *, offset: int = 0, limit: int = 100) -> tuple[Refused, ...]:
        """Records that could not become rows, oldest first; counts().refused says how many there are."""
        with self._database.read() as connection:
            return read_refused(connection, offset, limit)

    # --- changing ---------------------------------------------------------------------------------

    def edit(self, row_id: int, row: Row, *, unless_changed_since: str | None = None) -> StoredRow:
        """The row's new form; its metadata stays where the new form has none.

        `unless_changed_since`: the changed_at of what the editor saw. Raises DatasetNotFoundError,
        DatasetFormatError for what is no row, DatasetError where somebody else changed it meanwhile.
        """
        with self._edits() as edits:
            was = _found(edits.connection, row_id)
            if unless_changed_since is not None and was.changed_at != unless_changed_since:
                raise DatasetError(
                    f"Row {row_id} was changed meanwhile: look at it again before you edit it."
                )
            edits.set(row_id, _edited(was, row, edits.now))
            edits.describe(f"Edit row {row_id}")
            return _found(edits.connection, row_id)

    def edit_many(self, rows: Mapping[int, Row], *, description: str) -> int:
        """All or none, as one change: an automatic fix of many rows. How many; metadata stays as in edit."""
        with self._edits() as edits:
            for row_id, row in rows.items():
                edits.set(row_id, _edited(_found(edits.connection, row_id), row, edits.now))
            edits.describe(description)
        return edits.rows

    def set_state(self, ids: Iterable[int], state: State) -> int:
        """How many rows changed; ids that are gone, or in that state already, are passed over."""
        if state not in STATES:
            raise SettingsError(f"{state!r} is no state of a row: use one of {', '.join(STATES)}.")
        with self._edits() as edits:
            for row in _present(edits, ids):
                if row.state != state:
                    edits.set(row.id, {"state": state, "changed_at": edits.now})
            edits.describe(f"{_DONE[state]} {_rows(edits.rows)}")
        return edits.rows

    def tag(self, ids: Iterable[int], *, add: Iterable[str] = (), remove: Iterable[str] = ()) -> int:
        """How many rows changed. Raises SettingsError for what cannot be a tag."""
        added, removed = set(map(_clean_tag, add)), set(map(_clean_tag, remove))
        with self._edits() as edits:
            for row in _present(edits, ids):
                tags = (set(row.tags) - removed) | added
                if tags != set(row.tags):
                    edits.set(row.id, {"tags": sorted(tags), "changed_at": edits.now})
            signs = [*(f"+{tag}" for tag in sorted(added)), *(f"-{tag}" for tag in sorted(removed))]
            edits.describe(f"Tag {_rows(edits.rows)}: {', '.join(signs)}")
        return edits.rows

    def delete(self, ids: Iterable[int]) -> int:
        """How many rows went; undo brings them back until the history is forgotten."""
        with self._edits() as edits:
            for row in _present(edits, ids):
                edits.set(row.id, None)
            edits.describe(f"Delete {_rows(edits.rows)}")
        return edits.rows

    # --- history ----------------------------------------------------------------------------------

    def undo(self) -> str | None:
        """Takes back the last change, whoever made it; what it was, None where there is none left."""
        with self._database.write() as connection:
            return journal.undo(connection)

    def redo(self) -> str | None:
        """Makes the change again that was undone last; None where there is none."""
        with self._database.write() as connection:
            return journal.redo(connection)

    def history(self) -> tuple[Change, ...]:
        """The newest first; at most the last 200 changes are kept."""
        with self._database.read() as connection:
            return tuple(journal.history(connection))

    def forget_history(self) -> None:
        """What was deleted, or stood there before an edit, is in no file after this; nothing can be undone."""
        with self._database.write() as connection:
            journal.forget(connection)
        self._database.empty_log()

    # --- out --------------------------------------------------------------------------------------

    def export(self, path: Path, *, states: Sequence[State] = ("accepted",), metadata: bool = True) -> Export:
        """Rows in these states, oldest first, as JSON Lines; the file takes its name when it is whole.

        `metadata` False: as a provider gets it. Raises SettingsError where the file cannot be written.
        """
        ids, digest, size = array("q"), hashlib.sha256(), 0
        with write_whole(path) as out:
            for row_id, line in self.lines(states=states, metadata=metadata):
                out.write(line)
                data = line.encode()
                digest.update(data)
                size += len(data)
                ids.append(row_id)
        return Export(path=path, sha256=digest.hexdigest(), bytes=size, _ids=ids)

    def lines(
        self, *, states: Sequence[State] = ("accepted",), metadata: bool = True
    ) -> Iterator[tuple[int, str]]:
        """(id, one line of JSON with its end) of each row in these states, oldest first, of one moment."""
        chosen = f"SELECT id, row FROM rows WHERE state IN ({', '.join('?' * len(states))}) ORDER BY id"
        with self._database.read() as connection:
            for row_id, text in connection.execute(chosen, tuple(states)):
                plain = text if metadata else encoded(without_metadata(json.loads(text)))
                yield row_id, plain + "\n"

    # --- facts ------------------------------------------------------------------------------------

    def setting(self, key: str) -> str | None:
        with self._database.read() as connection:
            found = connection.execute("SELECT value FROM settings WHERE key = ?", (key,)).fetchone()
        return None if found is None else str(found[0])

    def set_setting(self, key: str, value: str | None) -> None:
        """None forgets it. Settings stand outside the history."""
        with self._database.write() as connection:
            connection.execute("DELETE FROM settings WHERE key = ?", (key,))
            if value is not None:
                connection.execute("INSERT INTO settings (key, value) VALUES (?, ?)", (key, value))

    def assignments(self) -> dict[bytes, str]:
        """Which split each key stands in (finetune/splits.py), of the split that was made last."""
        with self._database.read() as connection:
            return dict(connection.execute("SELECT key, split FROM assignments"))

    def keep_assignments(self, assignments: Mapping[bytes, str]) -> None:
        """Instead of those before."""
        with self._database.write() as connection:
            connection.execute("DELETE FROM assignments")
            connection.executemany("INSERT INTO assignments (key, split) VALUES (?, ?)", assignments.items())

    @contextmanager
    def _edits(self) -> Iterator[journal.Edits]:
        with self._database.write() as connection:
            yield journal.Edits(connection, self._clock().astimezone(UTC).isoformat(timespec="microseconds"))


def _found(connection: sqlite3.Connection, row_id: int) -> StoredRow:
    found = read_row(connection, row_id)
    if found is None:
        raise DatasetNotFoundError(f"There is no row {row_id}: it was deleted, or never there.")
    return found


def _present(edits: journal.Edits, ids: Iterable[int]) -> Iterator[StoredRow]:
    """Each row once; ids that are gone are passed over."""
    for row_id in sorted(set(ids)):
        row = read_row(edits.connection, row_id)
        if row is not None:
            yield row


def _edited(was: StoredRow, row: object, now: str) -> dict[str, Any]:
    if not isinstance(row, dict) or not without_metadata(row):
        raise DatasetFormatError("A row is a JSON object that is not empty: correct it.")
    kept = {METADATA: was.row[METADATA]} if METADATA in was.row else {}
    return {"row": encoded({**kept, **row}), "edited": 1, "changed_at": now}


def _duplicates(edits: journal.Edits) -> int:
    """New rows whose content an earlier row has."""
    found = edits.connection.execute(
        "SELECT count(*) FROM images JOIN rows AS new ON new.id = images.row WHERE images.change = ? "
        "AND EXISTS (SELECT 1 FROM rows AS old WHERE old.content = new.content AND old.id < new.id)",
        (edits.change,),
    )
    return int(found.fetchone()[0])


def _check(query: RowQuery) -> None:
    if query.order not in ORDERS:
        raise SettingsError(f"{query.order!r} is no order of rows: use one of {', '.join(ORDERS)}.")
    if not 0 < query.limit <= MOST_ROWS or query.offset < 0:
        raise SettingsError(f"A page holds 1 to {MOST_ROWS} rows from offset 0 on.")


def _clean_tag(tag: str) -> str:
    cleaned = unicodedata.normalize("NFC", tag).strip()
    if not cleaned or len(cleaned) > LONGEST_TAG or not cleaned.isprintable():
        raise SettingsError(f"{tag!r} cannot be a tag: use 1 to {LONGEST_TAG} printable characters.")
    return cleaned


def _rows(count: int) -> str:
    return "1 row" if count == 1 else f"{count} rows"
