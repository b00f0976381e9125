"""The tables of kb.db and the named steps that lead to them; docs/storage.md says what each column means."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence

from errors import GroundtuneError, KnowledgeBaseDamagedError

__all__ = ["MIGRATIONS", "Migrations", "migrate"]

_FIRST = """
CREATE TABLE settings (key TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT, WITHOUT ROWID;

CREATE TABLE generations (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  state TEXT NOT NULL CHECK (state IN ('active', 'building', 'previous')),
  model_id TEXT NOT NULL, dimension INTEGER NOT NULL, precision TEXT NOT NULL,
  recipe TEXT NOT NULL, created_at TEXT NOT NULL) STRICT;
CREATE UNIQUE INDEX one_generation_a_state ON generations (state);

CREATE TABLE documents (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  document_id TEXT NOT NULL UNIQUE, source TEXT NOT NULL UNIQUE,
  name TEXT NOT NULL, title TEXT NOT NULL, media_type TEXT NOT NULL,
  sha256 TEXT NOT NULL, bytes INTEGER NOT NULL, blob TEXT,
  text TEXT NOT NULL, metadata TEXT NOT NULL, added_at TEXT NOT NULL) STRICT;
CREATE INDEX documents_by_blob ON documents (blob) WHERE blob IS NOT NULL;

CREATE TABLE parts (
  document INTEGER NOT NULL REFERENCES documents ON DELETE CASCADE,
  ordinal INTEGER NOT NULL, start INTEGER NOT NULL, "end" INTEGER NOT NULL,
  location TEXT NOT NULL, metadata TEXT NOT NULL,
  PRIMARY KEY (document, ordinal)) STRICT, WITHOUT ROWID;

CREATE TABLE facts (
  document INTEGER NOT NULL REFERENCES documents ON DELETE CASCADE,
  key TEXT NOT NULL, value TEXT NOT NULL,
  PRIMARY KEY (key, value, document)) STRICT, WITHOUT ROWID;
CREATE INDEX facts_by_document ON facts (document);

CREATE TABLE embeddings (
  id INTEGER PRIMARY KEY, model_id TEXT NOT NULL, text_sha256 BLOB NOT NULL, vector BLOB NOT NULL,
  UNIQUE (model_id, text_sha256)) STRICT;

CREATE TABLE chunks (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  generation INTEGER NOT NULL REFERENCES generations,
  document INTEGER NOT NULL REFERENCES documents,
  ordinal INTEGER NOT NULL, start INTEGER NOT NULL, "end" INTEGER NOT NULL,
  text TEXT NOT NULL, location TEXT NOT NULL,
  embedding INTEGER NOT NULL REFERENCES embeddings,
  UNIQUE (generation, document, ordinal)) STRICT;
CREATE INDEX chunks_by_document ON chunks (document);
CREATE INDEX chunks_by_embedding ON chunks (embedding);

CREATE TABLE tombstones (
  seq INTEGER PRIMARY KEY AUTOINCREMENT, generation INTEGER NOT NULL, chunk INTEGER NOT NULL) STRICT;

CREATE TABLE files (
  source TEXT PRIMARY KEY, document_id TEXT NOT NULL, name TEXT NOT NULL,
  state TEXT NOT NULL, reason TEXT, sha256 TEXT, bytes INTEGER NOT NULL, updated_at TEXT NOT NULL) STRICT;

CREATE TABLE blob_intents (sha256 TEXT PRIMARY KEY) STRICT, WITHOUT ROWID;
"""

Migrations = Sequence[tuple[str, str]]  # (name, SQL whose statements end with ";" and a new line)
MIGRATIONS: Migrations = (("first tables", _FIRST),)


def migrate(
    connection: sqlite3.Connection,
    steps: Migrations = MIGRATIONS,
    *,
    noun: str = "knowledge base",
    damaged: type[GroundtuneError] = KnowledgeBaseDamagedError,
) -> None:
    """Brings the file to the last step, each step in a transaction. Raises `damaged` for a newer file.

    Another process may do the same: each step looks again once it holds the file.
    """
    while (version := _version(connection)) < len(steps):
        connection.execute("BEGIN IMMEDIATE")
        try:
            if _version(connection) == version:
                _take(connection, version, steps[version][1])
            connection.execute("COMMIT")
        finally:
            if connection.in_transaction:
                connection.execute("ROLLBACK")
    if version > len(steps):
        raise damaged(
            f"This {noun} was written by a newer Groundtune (format {version}, this one reads up to "
            f"{len(steps)}): update Groundtune to open it."
        )


def _version(connection: sqlite3.Connection) -> int:
    return int(connection.execute("PRAGMA user_version").fetchone()[0])


def _take(connection: sqlite3.Connection, version: int, script: str) -> None:
    for statement in script.split(";\n"):
        connection.execute(statement)
    connection.execute(f"PRAGMA user_version = {version + 1}")
