"""A conversation kept in the records, as the command line goes on with it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from app.workspace import TENANT, Workspace
from chains.answer import Answer, Mode, Turn
from errors import RecordNotFoundError

if TYPE_CHECKING:
    from app.records.conversations import Conversations
    from app.records.entries import Scope
    from chains.limits import Budget

NEW = "new"
OWNER = "command line"


@dataclass(slots=True, kw_only=True)
class Remembered:
    """The question is in the records before it is answered; `finish` or `fail` ends it there."""

    conversations: Conversations
    scope: Scope
    conversation_id: str
    history: tuple[Turn, ...]
    budget: Budget | None
    answer_id: str = ""

    def ask(self, question: str, mode: Mode, knowledge_base: str) -> None:
        fresh = self.conversations.ask(
            self.scope, self.conversation_id, question=question, mode=mode, knowledge_base=knowledge_base
        )
        self.answer_id = fresh.latest.answer_id

    def finish(self, answer: Answer) -> None:
        self.conversations.finish(self.scope, self.answer_id, answer)

    def fail(self, error: str) -> None:
        self.conversations.fail(self.scope, self.answer_id, error=error)


def remembered(workspace: Workspace, conversation: str, *, owner: str = OWNER) -> Remembered:
    """The conversation with this id, or a "new" one. Raises RecordNotFoundError."""
    from app.records.entries import Scope

    kept, scope = workspace.records.conversations, Scope(tenant=TENANT, owner=owner)
    if conversation == NEW:
        conversation = kept.begin(scope).conversation_id
    elif kept.find(scope, conversation) is None:
        raise RecordNotFoundError(
            f"There is no conversation {conversation!r} of the {owner}: python -m app conversations list shows them."
        )
    return Remembered(
        conversations=kept,
        scope=scope,
        conversation_id=conversation,
        history=kept.history(scope, conversation),
        budget=workspace.conversation_budget(scope, conversation),
    )
