"""A question becomes an exchange with a worker behind it; asked again, or taken out of its conversation."""

from __future__ import annotations

from collections.abc import Iterator

from app.ui.conversations import Conversation, Exchange
from app.ui.ingestion import Ingestion
from app.ui.session import asked_now, show
from app.ui.submission import insist
from app.workspace import Workspace
from chains.answer import AnswerEvent, Mode, Question, StageStarted, Turn


def ask(
    workspace: Workspace,
    conversation: Conversation,
    text: str,
    *,
    mode: Mode,
    knowledge_base: str,
    batch: Ingestion | None = None,
) -> None:
    """Adds the exchange to the conversation; files of `batch` are searchable before it is asked."""
    history = conversation.history()
    files = [row.name for row in batch.rows()] if batch else []
    exchange = conversation.ask(text, mode=mode, knowledge_base=knowledge_base, files=files)
    _start(workspace, conversation, exchange, history, batch)


def ask_again(workspace: Workspace, conversation: Conversation, exchange: Exchange, *, mode: Mode) -> None:
    """The same question in its place, with the turns before it alone; in the mode that is chosen now."""
    fresh = conversation.ask_again(exchange, mode=mode)
    if fresh is not None:
        _start(workspace, conversation, fresh, conversation.history(before=fresh), None)


def take_out(conversation: Conversation, exchange: Exchange) -> None:
    """Deletes question and answer; a running answer is stopped."""
    conversation.take_out(exchange)
    show(None)


def _start(
    workspace: Workspace,
    conversation: Conversation,
    exchange: Exchange,
    history: tuple[Turn, ...],
    batch: Ingestion | None,
) -> None:
    """Nothing before the worker's start touches the session's state, where Streamlit may break the page off."""
    question = Question(text=exchange.question, history=history)
    conversation.answer(exchange, lambda: _events(workspace, conversation, exchange, question, batch))
    insist(lambda: _shown(exchange))


def _shown(exchange: Exchange) -> None:
    show(None)
    asked_now(exchange.key)


def _events(
    workspace: Workspace,
    conversation: Conversation,
    exchange: Exchange,
    question: Question,
    batch: Ingestion | None,
) -> Iterator[AnswerEvent]:
    """Runs in the worker: files that came with the question are searchable before it is asked."""
    if batch is not None:
        yield StageStarted(stage="uploading")
        batch.wait()
    budget = workspace.conversation_budget(conversation.scope, conversation.conversation_id)
    chain = workspace.chain(exchange.mode, exchange.knowledge_base, budget=budget)
    yield from chain.stream(question)
