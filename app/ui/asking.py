"""A question becomes an exchange with a worker behind it; asked again, or taken out of its conversation."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from dataclasses import replace

from app.ui.conversations import Conversation, Exchange
from app.ui.ingestion import Ingestion
from app.ui.live import live_answers
from app.ui.session import asked_now, show
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
    exchange = Exchange(
        key=_fresh_key(conversation),
        question=text,
        mode=mode,
        knowledge_base=knowledge_base,
        files=tuple(row.name for row in batch.rows()) if batch else (),
    )
    history = conversation.history()
    conversation.exchanges.append(exchange)
    _start(workspace, exchange, history, batch)


def ask_again(workspace: Workspace, conversation: Conversation, exchange: Exchange, *, mode: Mode) -> None:
    """The same question in its place, with the turns before it alone; in the mode that is chosen now."""
    place = _place(conversation, exchange)
    if place is None:
        return
    before = replace(conversation, exchanges=conversation.exchanges[:place])
    fresh = replace(exchange, key=_fresh_key(conversation), mode=mode)
    conversation.exchanges[place] = fresh
    _start(workspace, fresh, before.history(), None)


def take_out(conversation: Conversation, exchange: Exchange) -> None:
    """Deletes question and answer; a running answer is stopped."""
    live = live_answers().get(exchange.key)
    if live is not None:
        live.stop()
    place = _place(conversation, exchange)
    if place is not None:
        del conversation.exchanges[place]
    show(None)


def _place(conversation: Conversation, exchange: Exchange) -> int | None:
    keys = [one.key for one in conversation.exchanges]
    return keys.index(exchange.key) if exchange.key in keys else None


def _fresh_key(conversation: Conversation) -> str:
    return f"{conversation.conversation_id}-{secrets.token_hex(4)}"


def _start(
    workspace: Workspace, exchange: Exchange, history: tuple[Turn, ...], batch: Ingestion | None
) -> None:
    question = Question(text=exchange.question, history=history)
    show(None)
    asked_now(exchange.key)
    live_answers().start(
        exchange.key, lambda: events(workspace, exchange.mode, exchange.knowledge_base, question, batch)
    )


def events(
    workspace: Workspace, mode: Mode, knowledge_base: str, question: Question, batch: Ingestion | None = None
) -> Iterator[AnswerEvent]:
    """Runs in the worker: files that came with the question are searchable before it is asked."""
    if batch is not None:
        yield StageStarted(stage="uploading")
        batch.wait()
    yield from workspace.chain(mode, knowledge_base).stream(question)
