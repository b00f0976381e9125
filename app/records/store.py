"""The records of one installation: its database, and what is kept in it."""

from __future__ import annotations

from pathlib import Path

from app.records.conversations import Conversations
from app.records.database import Database

__all__ = ["Records"]


class Records:
    """Opened once per process. Thread-safe."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.conversations = Conversations(database)

    @classmethod
    def open(cls, url_or_path: str | Path) -> Records:
        """A file that is made where it is missing, or the URL of a SQLite database.

        Raises RecordsDamagedError where it cannot be used or is of a newer version, SettingsError for other databases.
        """
        return cls(Database(url_or_path))

    def close(self) -> None:
        self.conversations.close()
        self.database.close()
