"""The records of one installation: its database, and what is kept in it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from app.records.conversations import Conversations
from app.records.database import Database
from app.records.entries import Scope
from app.records.feedback import Feedback
from app.records.votes import Votes

__all__ = ["Records"]


class Records:
    """Opened once per process. Thread-safe."""

    def __init__(
        self, database: Database, *, clock: Callable[[], datetime] = lambda: datetime.now(UTC)
    ) -> None:
        self.database = database
        self.conversations = Conversations(database, clock=clock)
        self.feedback = Feedback(database, clock=clock)
        self.votes = Votes(database, clock=clock)

    @classmethod
    def open(cls, url_or_path: str | Path) -> Records:
        """A file that is made where it is missing, or the URL of a SQLite database.

        Raises RecordsDamagedError where it cannot be used or is of a newer version, SettingsError for other databases.
        """
        return cls(Database(url_or_path))

    def forget(self, scope: Scope) -> None:
        """Deletes all that is kept of an owner, for good."""
        self.feedback.delete_all(scope)
        self.votes.delete_all(scope)
        self.conversations.delete_all(scope)

    def close(self) -> None:
        self.conversations.close()
        self.database.close()
