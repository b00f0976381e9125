"""The tables of dataset.db: the rows of one working training set, its refused records, its journal and its splits."""

from __future__ import annotations

from errors import (
    DatasetBusyError,
    DatasetError,
    DatasetNotFoundError,
)
from loaders.database import FileKind
from loaders.schema import Migrations

__all__ = ["DATASET", "STEPS"]

# `row` is the JSON of the wire form with "metadata"; `content` the fingerprint of the row without it, which tells
# exact duplicates; `words` the case-folded text that a search looks in. Ids are never given twice, so the journal's
# images of deleted rows can come back under theirs. An image is a JSON object of columns, NULL for "was not there".
_FIRST = """
CREATE TABLE settings (key TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT, WITHOUT ROWID;

CREATE TABLE rows (
  id INTEGER PRIMARY KEY AUTOINCREMENT, row TEXT NOT NULL, content BLOB NOT NULL, words TEXT NOT NULL,
  kind TEXT NOT NULL, origin TEXT NOT NULL, state TEXT NOT NULL, document TEXT, "group" TEXT,
  edited INTEGER NOT NULL, added_at TEXT NOT NULL, changed_at TEXT NOT NULL) STRICT;
CREATE INDEX rows_by_content ON rows (content);
CREATE INDEX rows_by_state ON rows (state, origin);

CREATE TABLE tags (
  row INTEGER NOT NULL, tag TEXT NOT NULL, PRIMARY KEY (row, tag)) STRICT, WITHOUT ROWID;
CREATE INDEX rows_by_tag ON tags (tag, row);

CREATE TABLE changes (
  id INTEGER PRIMARY KEY AUTOINCREMENT, description TEXT NOT NULL, changed_at TEXT NOT NULL,
  undone INTEGER NOT NULL DEFAULT 0) STRICT;
CREATE TABLE images (
  change INTEGER NOT NULL REFERENCES changes ON DELETE CASCADE,
  row INTEGER NOT NULL, image TEXT, PRIMARY KEY (change, row)) STRICT, WITHOUT ROWID;

CREATE TABLE refused (
  id INTEGER PRIMARY KEY, change INTEGER NOT NULL, file TEXT NOT NULL, line INTEGER NOT NULL,
  field TEXT NOT NULL, reason TEXT NOT NULL, fix TEXT NOT NULL) STRICT;

CREATE TABLE assignments (key BLOB PRIMARY KEY, split TEXT NOT NULL) STRICT, WITHOUT ROWID
"""

STEPS: Migrations = (("first tables", _FIRST),)
DATASET = FileKind(
    noun="dataset",
    steps=STEPS,
    failed=DatasetError,
    missing=DatasetNotFoundError,
    busy=DatasetBusyError,
    damaged=DatasetError,
    repair="or restore it from a copy",
)
