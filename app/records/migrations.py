"""The named steps that lead to today's tables: in this order, each in a transaction, never changed once released.

Add a table or column with a further Migration at the end, in SQL that SQLite and PostgreSQL both take.
docs/storage.md says what each column means.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from sqlalchemy import Connection, text

from errors import RecordsDamagedError

__all__ = ["MIGRATIONS", "Migration", "migrate", "pending"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Migration:
    name: str  # what a file remembers it by
    statements: tuple[str, ...]


MIGRATIONS: Sequence[Migration] = (
    Migration(
        name="conversations",
        statements=(
            "CREATE TABLE conversations (id TEXT NOT NULL PRIMARY KEY, tenant TEXT NOT NULL, owner TEXT NOT NULL, "
            "title TEXT, words TEXT NOT NULL, created_at TEXT NOT NULL, changed_at TEXT NOT NULL)",
            "CREATE INDEX conversations_of_owner ON conversations (tenant, owner, changed_at)",
            "CREATE TABLE exchanges (id TEXT NOT NULL PRIMARY KEY, "
            "conversation TEXT NOT NULL REFERENCES conversations (id) ON DELETE CASCADE, "
            "tenant TEXT NOT NULL, owner TEXT NOT NULL, position INTEGER NOT NULL, question TEXT NOT NULL, "
            "knowledge_base TEXT NOT NULL, files TEXT NOT NULL, words TEXT NOT NULL, asked_at TEXT NOT NULL, "
            "UNIQUE (conversation, position))",
            "CREATE INDEX exchanges_of_owner ON exchanges (tenant, owner, asked_at)",
            "CREATE TABLE answers (id TEXT NOT NULL PRIMARY KEY, "
            "exchange TEXT NOT NULL REFERENCES exchanges (id) ON DELETE CASCADE, "
            "tenant TEXT NOT NULL, owner TEXT NOT NULL, number INTEGER NOT NULL, mode TEXT NOT NULL, "
            "state TEXT NOT NULL CHECK (state IN ('running', 'done', 'stopped', 'failed')), "
            "text TEXT NOT NULL, error TEXT, started_at TEXT NOT NULL, ended_at TEXT, "
            "runner TEXT NOT NULL, beat_at TEXT NOT NULL, record TEXT, UNIQUE (exchange, number))",
        ),
    ),
    Migration(
        name="feedback and votes",
        statements=(
            "CREATE TABLE feedback (answer TEXT NOT NULL REFERENCES answers (id) ON DELETE CASCADE, "
            "tenant TEXT NOT NULL, owner TEXT NOT NULL, rating TEXT NOT NULL CHECK (rating IN ('up', 'down')), "
            "reason TEXT, comment TEXT NOT NULL, correction TEXT NOT NULL, changed_at TEXT NOT NULL, "
            "PRIMARY KEY (answer, tenant, owner))",
            "CREATE TABLE votes (id TEXT NOT NULL, tenant TEXT NOT NULL, owner TEXT NOT NULL, "
            "question TEXT NOT NULL, modes TEXT NOT NULL, answers TEXT NOT NULL, winner TEXT NOT NULL, "
            "voted_at TEXT NOT NULL, PRIMARY KEY (tenant, owner, id))",
        ),
    ),
)

_OURS = "CREATE TABLE IF NOT EXISTS migrations (name TEXT NOT NULL PRIMARY KEY, applied_at TEXT NOT NULL)"


def pending(connection: Connection, steps: Sequence[Migration] = MIGRATIONS) -> tuple[Migration, ...]:
    """The steps that this file has not seen. Raises RecordsDamagedError where it has seen one we do not know."""
    connection.execute(text(_OURS))
    applied = set(connection.execute(text("SELECT name FROM migrations")).scalars())
    unknown = applied - {step.name for step in steps}
    if unknown:
        raise RecordsDamagedError(
            f"The database of conversations was written by a newer Groundtune (it knows {sorted(unknown)[0]!r}): "
            "update Groundtune to open it."
        )
    return tuple(step for step in steps if step.name not in applied)


def migrate(connection: Connection, step: Migration) -> None:
    """One step, within the caller's transaction."""
    for statement in step.statements:
        connection.execute(text(statement))
    now = datetime.now(UTC).isoformat(timespec="seconds")
    values = {"name": step.name, "now": now}
    connection.execute(text("INSERT INTO migrations (name, applied_at) VALUES (:name, :now)"), values)
