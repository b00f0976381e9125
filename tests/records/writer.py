"""A process of its own: python -m tests.records.writer FILE OWNER COUNT (COUNT 0: asks, and never answers)."""

from __future__ import annotations

import sys
import time

from app.records.entries import Scope
from app.records.store import Records
from tests.records.conftest import answer, asked


def main(path: str, owner: str, count: int) -> None:
    records, scope = Records.open(path), Scope(tenant="acme", owner=owner)
    if count:
        asked(records.conversations, scope, *(f"{owner} asks {number}" for number in range(count)))
        records.close()
        return
    talk = records.conversations.begin(scope)
    whole = records.conversations.ask(
        scope, talk.conversation_id, question="Was I first?", mode="rag", knowledge_base="kb"
    )
    records.conversations.finish(scope, whole.latest.answer_id, answer("Yes [1]."))
    records.conversations.ask(
        scope, talk.conversation_id, question="Will it end?", mode="rag", knowledge_base="kb"
    )
    sys.stdout.write(f"{talk.conversation_id}\n")
    sys.stdout.flush()
    time.sleep(600)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]))
