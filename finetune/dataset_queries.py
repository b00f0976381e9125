"""Reading a dataset's rows: a RowQuery as SQL, rows as StoredRow, counts."""

from __future__ import annotations

import json
import re
import sqlite3
from collections.abc import Iterator
from typing import cast

from finetune.dataset_rows import STATES, Counts, Order, RowPage, RowQuery, State, StoredRow
from finetune.examples import KINDS, Refused

__all__ = ["count_rows", "found_ids", "found_page", "read_counts", "read_refused", "read_row"]

_COLUMNS = (
    "id, row, kind, state, added_at, changed_at, "
    "(SELECT json_group_array(tag) FROM (SELECT tag FROM tags WHERE tags.row = rows.id ORDER BY tag))"
)
_ORDERS: dict[Order, str] = {
    "oldest": "id",
    "newest": "id DESC",
    "changed": "changed_at DESC, id DESC",
    "longest": "length(words) DESC, id",
    "shortest": "length(words), id",
}
_TERMS = re.compile(r'"([^"]+)"|(\S+)')
_LARGEST_ID = 2**63 - 1  # SQLite's own
_SHOWN_REFUSED = "change NOT IN (SELECT id FROM changes WHERE undone)"


def found_page(connection: sqlite3.Connection, query: RowQuery) -> RowPage:
    where, values = _where(query)
    asked = f"SELECT {_COLUMNS} FROM rows WHERE {where} ORDER BY {_ORDERS[query.order]} LIMIT ? OFFSET ?"
    found = connection.execute(asked, (*values, query.limit, query.offset))
    return RowPage(rows=tuple(map(_stored, found)), total=count_rows(connection, query), offset=query.offset)


def count_rows(connection: sqlite3.Connection, query: RowQuery) -> int:
    where, values = _where(query)
    return int(connection.execute(f"SELECT count(*) FROM rows WHERE {where}", values).fetchone()[0])


def found_ids(connection: sqlite3.Connection, query: RowQuery) -> list[int]:
    """Of all rows that match, in the query's order: offset and limit aside."""
    where, values = _where(query)
    asked = f"SELECT id FROM rows WHERE {where} ORDER BY {_ORDERS[query.order]}"
    return [row_id for (row_id,) in connection.execute(asked, values)]


def read_row(connection: sqlite3.Connection, row_id: int) -> StoredRow | None:
    if abs(row_id) > _LARGEST_ID:
        return None
    found = connection.execute(f"SELECT {_COLUMNS} FROM rows WHERE id = ?", (row_id,)).fetchone()
    return None if found is None else _stored(found)


def read_refused(connection: sqlite3.Connection, offset: int, limit: int) -> tuple[Refused, ...]:
    asked = f"SELECT file, line, field, reason, fix FROM refused WHERE {_SHOWN_REFUSED} ORDER BY id LIMIT ? OFFSET ?"
    return tuple(
        Refused(file=file, line=line, field=field, reason=reason, fix=fix)
        for file, line, field, reason, fix in connection.execute(asked, (limit, offset))
    )


def read_counts(connection: sqlite3.Connection) -> Counts:
    states = dict(_pairs(connection, "SELECT state, count(*) FROM rows GROUP BY state"))
    refused = f"SELECT count(*) FROM refused WHERE {_SHOWN_REFUSED}"
    return Counts(
        total=sum(states.values()),
        states={state: states.get(state, 0) for state in STATES},
        origins=dict(_pairs(connection, "SELECT origin, count(*) FROM rows GROUP BY origin ORDER BY origin")),
        kinds=dict(_pairs(connection, "SELECT kind, count(*) FROM rows GROUP BY kind ORDER BY kind")),
        tags=dict(_pairs(connection, "SELECT tag, count(*) FROM tags GROUP BY tag ORDER BY tag")),
        edited=connection.execute("SELECT count(*) FROM rows WHERE edited").fetchone()[0],
        refused=connection.execute(refused).fetchone()[0],
    )


def _pairs(connection: sqlite3.Connection, asked: str) -> Iterator[tuple[str, int]]:
    yield from connection.execute(asked)


def _stored(found: tuple[int, str, str, str, str, str, str]) -> StoredRow:
    row_id, row, kind, state, added_at, changed_at, tags = found
    return StoredRow(
        id=row_id,
        row=json.loads(row),
        kind=kind if kind in KINDS else None,
        state=cast(State, state),
        tags=tuple(json.loads(tags)),
        added_at=added_at,
        changed_at=changed_at,
    )


def _where(query: RowQuery) -> tuple[str, list[object]]:
    """(condition, its values)."""
    conditions: list[tuple[str, list[object]]] = [("1", [])]
    for name, value in (("state", query.state), ("document", query.document), ('"group"', query.group)):
        if value is not None:
            conditions.append((f"{name} = ?", [value]))
    if query.origin is not None:
        edited = query.origin == "edited"
        conditions.append(("edited", []) if edited else ("origin = ?", [query.origin]))
    if query.tag is not None:
        conditions.append(("id IN (SELECT row FROM tags WHERE tag = ?)", [query.tag]))
    for quoted, word in _TERMS.findall(query.search.casefold()):
        conditions.append(("instr(words, ?) > 0", [quoted or word]))
    return " AND ".join(condition for condition, _ in conditions), [
        v for _, values in conditions for v in values
    ]
