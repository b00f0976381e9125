"""A home with a conversation already in its records, so that a browser can look at an answer made by hand."""

from __future__ import annotations

from pathlib import Path

from app.records.entries import Scope
from app.records.store import Records
from app.workspace import TENANT
from chains.answer import Answer

OWNER = "a-browser-of-the-tests"  # its cookie


def keep_conversation(home: Path, *exchanges: tuple[str, Answer]) -> str:
    """The conversation's id."""
    home.mkdir(parents=True, exist_ok=True)
    records = Records.open(home / "groundtune.db")
    scope = Scope(tenant=TENANT, owner=OWNER)
    try:
        conversation = records.conversations.begin(scope).conversation_id
        for question, answer in exchanges:
            asked = records.conversations.ask(
                scope, conversation, question=question, mode=answer.mode, knowledge_base="sample", files=[]
            )
            assert records.conversations.finish(scope, asked.latest.answer_id, answer)
    finally:
        records.close()
    return conversation
