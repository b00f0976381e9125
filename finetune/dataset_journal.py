"""Changes of a dataset's rows that can be taken back and made again, one after another, across restarts.

A change is a set of images, one a row: the columns that it sets, or nothing for a row that it removes. Applying an
image gives back the image of what was there; exactly that is kept, so undoing is applying what is kept, and so is
redoing.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from finetune.dataset_rows import Change, content_key, searched_words
from finetune.examples import METADATA, Row, kind_of

__all__ = ["KEPT", "Edits", "Image", "Placed", "forget", "history", "place", "redo", "undo"]

KEPT = 200  # changes: older ones cannot be taken back any more
Image = (
    Mapping[str, Any] | None
)  # row (JSON text), state, tags, edited, added_at, changed_at; None: not there
Placed = tuple[
    str, bytes, str, str, str, str | None, str | None
]  # row, content, words, kind, origin, document, group
_COLUMNS = ("row", "state", "edited", "added_at", "changed_at")
_PLACE = 'row, content, words, kind, origin, document, "group"'
_INSERT = (
    f"INSERT INTO rows (id, {_PLACE}, state, edited, added_at, changed_at) VALUES ("
    + ", ".join("?" * 12)
    + ")"
)
_UPDATE = f"UPDATE rows SET ({_PLACE}) = (?, ?, ?, ?, ?, ?, ?) WHERE id = ?"


class Edits:
    """One change in the making, in the caller's transaction; it is remembered where it changes anything."""

    def __init__(self, connection: sqlite3.Connection, now: str) -> None:
        self.connection = connection
        self.now = now  # ISO 8601
        self.rows = 0  # changed so far; each at most once
        self._change = 0

    @property
    def change(self) -> int:
        """Its id. What was undone before cannot be made again once there is a new change."""
        if not self._change:
            self._change = _begin(self.connection, self.now)
        return self._change

    def set(self, row_id: int, image: Image) -> None:
        """Applies an image to a row and keeps what was there."""
        change_row(self.connection, self.change, row_id, image)
        self.rows += 1

    def insert(self, rows: Iterable[tuple[Placed, str]]) -> None:
        """New rows, each with its state."""
        self.rows += _insert_all(self.connection, self.change, rows, self.now)

    def describe(self, description: str) -> None:
        """What the history calls it, once the number of its rows is known."""
        if self._change:
            values = (description, self._change)
            self.connection.execute("UPDATE changes SET description = ? WHERE id = ?", values)


def _begin(connection: sqlite3.Connection, now: str) -> int:
    connection.execute("DELETE FROM refused WHERE change IN (SELECT id FROM changes WHERE undone)")
    connection.execute("DELETE FROM changes WHERE undone")
    change = connection.execute(
        "INSERT INTO changes (description, changed_at) VALUES ('', ?)", (now,)
    ).lastrowid
    oldest = "SELECT id FROM changes ORDER BY id DESC LIMIT 1 OFFSET ?"
    connection.execute(f"DELETE FROM changes WHERE id <= ({oldest})", (KEPT,))
    return int(change or 0)


def _insert_all(
    connection: sqlite3.Connection, change: int, rows: Iterable[tuple[Placed, str]], now: str
) -> int:
    highest = "SELECT coalesce(max(seq), 0) FROM sqlite_sequence WHERE name = 'rows'"
    first = connection.execute(highest).fetchone()[0] + 1
    numbered = (
        (number, *placed, state, 0, now, now) for number, (placed, state) in enumerate(rows, start=first)
    )
    count = connection.executemany(_INSERT, numbered).rowcount
    new = "INSERT INTO images (change, row, image) SELECT ?, id, NULL FROM rows WHERE id >= ?"
    connection.execute(new, (change, first))
    return max(count, 0)


def change_row(connection: sqlite3.Connection, change: int, row_id: int, image: Image) -> None:
    """Applies one image and keeps what was there."""
    _keep(connection, change, row_id, _apply(connection, row_id, image))


def undo(connection: sqlite3.Connection) -> str | None:
    """Takes the last change back; its description, None where there is none left."""
    return _turn(
        connection, "SELECT id, description FROM changes WHERE NOT undone ORDER BY id DESC LIMIT 1", 1
    )


def redo(connection: sqlite3.Connection) -> str | None:
    """Makes the change again that was undone last."""
    return _turn(connection, "SELECT id, description FROM changes WHERE undone ORDER BY id LIMIT 1", 0)


def history(connection: sqlite3.Connection) -> Iterator[Change]:
    """The newest first."""
    for row in connection.execute("SELECT description, changed_at, undone FROM changes ORDER BY id DESC"):
        yield Change(description=row[0], changed_at=row[1], undone=bool(row[2]))


def forget(connection: sqlite3.Connection) -> None:
    """Nothing can be taken back any more, and what was deleted is in no table."""
    connection.execute("DELETE FROM refused WHERE change IN (SELECT id FROM changes WHERE undone)")
    connection.execute("DELETE FROM changes")


def place(row: Row, text: str) -> Placed:
    """The columns that follow from a row; `text` is its JSON."""
    metadata = row.get(METADATA)
    known = metadata if isinstance(metadata, dict) else {}
    return (
        text,
        content_key(row),
        searched_words(row),
        kind_of(row) or "unknown",
        str(known.get("origin") or "imported"),
        _text(known.get("document")),
        _text(known.get("group")),
    )


def _turn(connection: sqlite3.Connection, which: str, undone: int) -> str | None:
    found = connection.execute(which).fetchone()
    if found is None:
        return None
    change, description = found
    for row_id, image in _images(connection, change):
        change_row(connection, change, row_id, json.loads(image) if image is not None else None)
    connection.execute("UPDATE changes SET undone = ? WHERE id = ?", (undone, change))
    return str(description)


def _images(connection: sqlite3.Connection, change: int) -> Iterator[tuple[int, str | None]]:
    """Read a page at a time: each is replaced while the next are still to be read."""
    last, page = 0, "SELECT row, image FROM images WHERE change = ? AND row > ? ORDER BY row LIMIT 1000"
    while images := connection.execute(page, (change, last)).fetchall():
        yield from images
        last = images[-1][0]


def _keep(connection: sqlite3.Connection, change: int, row_id: int, image: Image) -> None:
    """A change touches a row once, when it is made and whenever it is turned."""
    text = None if image is None else json.dumps(image)
    connection.execute(
        "INSERT OR REPLACE INTO images (change, row, image) VALUES (?, ?, ?)", (change, row_id, text)
    )


def _apply(connection: sqlite3.Connection, row_id: int, image: Image) -> Image:
    """Sets what the image says; the image of the same columns as they were."""
    was = _full_image(connection, row_id)
    if image is None:
        connection.execute("DELETE FROM tags WHERE row = ?", (row_id,))
        connection.execute("DELETE FROM rows WHERE id = ?", (row_id,))
        return was
    if was is None:
        _insert(connection, row_id, image)
    else:
        _update(connection, row_id, image)
    if "tags" in image:
        _retag(connection, row_id, image["tags"])
    return None if was is None else {name: was[name] for name in image}


def _full_image(connection: sqlite3.Connection, row_id: int) -> dict[str, Any] | None:
    found = connection.execute(f"SELECT {', '.join(_COLUMNS)} FROM rows WHERE id = ?", (row_id,)).fetchone()
    if found is None:
        return None
    tags = connection.execute("SELECT tag FROM tags WHERE row = ? ORDER BY tag", (row_id,))
    return {**dict(zip(_COLUMNS, found, strict=True)), "tags": [tag for (tag,) in tags]}


def _insert(connection: sqlite3.Connection, row_id: int, image: Mapping[str, Any]) -> None:
    placed = place(json.loads(image["row"]), image["row"])
    connection.execute(_INSERT, (row_id, *placed, *(image[name] for name in _COLUMNS[1:])))


def _update(connection: sqlite3.Connection, row_id: int, image: Mapping[str, Any]) -> None:
    if "row" in image:
        connection.execute(_UPDATE, (*place(json.loads(image["row"]), image["row"]), row_id))
    for name in _COLUMNS[1:]:
        if name in image:
            connection.execute(f"UPDATE rows SET {name} = ? WHERE id = ?", (image[name], row_id))


def _retag(connection: sqlite3.Connection, row_id: int, tags: Iterable[str]) -> None:
    connection.execute("DELETE FROM tags WHERE row = ?", (row_id,))
    connection.executemany("INSERT INTO tags (row, tag) VALUES (?, ?)", ((row_id, tag) for tag in tags))


def _text(value: object) -> str | None:
    return value if isinstance(value, str) and value else None
