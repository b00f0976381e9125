"""The chunks of a knowledge base as passages, without a search: all of them by number, or those of one document.

numbers = chunk_numbers(knowledge_base)                       # of the generation that answers, in rising order
passages = passages_by_number(knowledge_base, numbers[:10])   # {number: Passage}
"""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from typing import TYPE_CHECKING

from loaders.passage import Passage
from loaders.rows import active_generation
from loaders.search import passages_at

if TYPE_CHECKING:
    from loaders.knowledge_base import KnowledgeBase


def chunk_numbers(knowledge_base: KnowledgeBase) -> list[int]:
    """Of every chunk that a search may find."""
    with knowledge_base.database.read() as connection:
        return _numbers(connection, "", ())


def passages_by_number(knowledge_base: KnowledgeBase, numbers: Sequence[int]) -> dict[int, Passage]:
    """Their scores are 0: nobody searched. Numbers whose chunk was removed meanwhile are missing."""
    with knowledge_base.database.read() as connection:
        return passages_at(connection, numbers)


def document_passages(knowledge_base: KnowledgeBase, document_id: str) -> list[Passage]:
    """The passages of one document in its order; none where there is no such document."""
    with knowledge_base.database.read() as connection:
        numbers = _numbers(
            connection, "AND document = (SELECT id FROM documents WHERE document_id = ?)", (document_id,)
        )
        return sorted(passages_at(connection, numbers).values(), key=lambda passage: passage.start)


def _numbers(connection: sqlite3.Connection, condition: str, values: tuple[str, ...]) -> list[int]:
    query = f"SELECT id FROM chunks WHERE generation = ? {condition} ORDER BY id"
    generation = active_generation(connection).id
    return [int(row[0]) for row in connection.execute(query, (generation, *values))]
