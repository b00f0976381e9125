"""The tables of groundtune.db as queries name them; a test holds them to what app/records/migrations.py makes.

Types that every database has: ids and times are text (times UTC in ISO 8601), JSON is text.
"""

from __future__ import annotations

from sqlalchemy import Column, ForeignKey, Integer, MetaData, Table, Text

__all__ = ["METADATA", "answers", "conversations", "exchanges", "feedback", "votes"]

METADATA = MetaData()

conversations = Table(
    "conversations",
    METADATA,
    Column("id", Text, primary_key=True),
    Column("tenant", Text, nullable=False),
    Column("owner", Text, nullable=False),
    Column("title", Text),
    Column("words", Text, nullable=False),
    Column("created_at", Text, nullable=False),
    Column("changed_at", Text, nullable=False),
)

exchanges = Table(
    "exchanges",
    METADATA,
    Column("id", Text, primary_key=True),
    Column("conversation", Text, ForeignKey("conversations.id", ondelete="CASCADE"), nullable=False),
    Column("tenant", Text, nullable=False),
    Column("owner", Text, nullable=False),
    Column("position", Integer, nullable=False),
    Column("question", Text, nullable=False),
    Column("knowledge_base", Text, nullable=False),
    Column("files", Text, nullable=False),
    Column("words", Text, nullable=False),
    Column("asked_at", Text, nullable=False),
)

answers = Table(
    "answers",
    METADATA,
    Column("id", Text, primary_key=True),
    Column("exchange", Text, ForeignKey("exchanges.id", ondelete="CASCADE"), nullable=False),
    Column("tenant", Text, nullable=False),
    Column("owner", Text, nullable=False),
    Column("number", Integer, nullable=False),
    Column("mode", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("text", Text, nullable=False),
    Column("error", Text),
    Column("started_at", Text, nullable=False),
    Column("ended_at", Text),
    Column("runner", Text, nullable=False),
    Column("beat_at", Text, nullable=False),
    Column("record", Text),
)

feedback = Table(
    "feedback",
    METADATA,
    Column("answer", Text, ForeignKey("answers.id", ondelete="CASCADE"), primary_key=True),
    Column("tenant", Text, primary_key=True),
    Column("owner", Text, primary_key=True),
    Column("rating", Text, nullable=False),
    Column("reason", Text),
    Column("comment", Text, nullable=False),
    Column("correction", Text, nullable=False),
    Column("changed_at", Text, nullable=False),
)

votes = Table(
    "votes",
    METADATA,
    Column("id", Text, primary_key=True),
    Column("tenant", Text, primary_key=True),
    Column("owner", Text, primary_key=True),
    Column("question", Text, nullable=False),
    Column("modes", Text, nullable=False),
    Column("answers", Text, nullable=False),
    Column("winner", Text, nullable=False),
    Column("voted_at", Text, nullable=False),
)
