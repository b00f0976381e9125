"""Queries over conversations: each takes the scope, and an open transaction."""

from __future__ import annotations

import json
from datetime import datetime
from itertools import groupby
from typing import Any, cast

from sqlalchemy import ColumnElement, Connection, RowMapping, ScalarSelect, func, or_, select

from app.records.entries import Exchange, Listed, Match, Scope, State, Version
from app.records.running import was_interrupted
from app.records.tables import answers, conversations, exchanges
from app.records.words import patterns, snippet
from chains.answer import Turn

__all__ = ["exchanges_of", "latest_number", "matches", "overview", "shown_title", "turns_of"]

# Without the record, which is read for the answers that are shown.
_VERSION = (
    answers.c.id.label("answer_id"),
    answers.c.number,
    answers.c.mode,
    answers.c.state,
    answers.c.text,
    answers.c.error,
    answers.c.started_at,
    answers.c.ended_at,
    answers.c.runner,
    answers.c.beat_at,
)


def latest_number() -> ScalarSelect[Any]:
    """Of the exchange of the query it stands in: the number of its latest answer."""
    other = answers.alias()
    wanted = select(func.max(other.c.number)).where(other.c.exchange == exchanges.c.id)
    return wanted.correlate(exchanges).scalar_subquery()


def exchanges_of(
    connection: Connection, scope: Scope, within: ColumnElement[bool], *, now: datetime, me: str
) -> tuple[Exchange, ...]:
    """In the order they were asked, with all their versions."""
    wanted = (
        select(exchanges, *_VERSION)
        .join(answers, answers.c.exchange == exchanges.c.id)
        .where(exchanges.c.tenant == scope.tenant, exchanges.c.owner == scope.owner, within)
        .order_by(exchanges.c.position, exchanges.c.id, answers.c.number)
    )
    rows = connection.execute(wanted).mappings().all()
    grouped = (list(group) for _, group in groupby(rows, key=lambda row: row["id"]))
    return tuple(_exchange(group, now, me) for group in grouped)


def _exchange(rows: list[RowMapping], now: datetime, me: str) -> Exchange:
    row = rows[0]
    return Exchange(
        exchange_id=row["id"],
        conversation_id=row["conversation"],
        question=row["question"],
        knowledge_base=row["knowledge_base"],
        files=tuple(json.loads(row["files"])),
        asked_at=row["asked_at"],
        versions=tuple(_version(one, now, me) for one in rows),
    )


def _version(row: RowMapping, now: datetime, me: str) -> Version:
    state = cast(State, row["state"])
    if state == "running" and was_interrupted(row["runner"], row["beat_at"], now=now, me=me):
        state = "interrupted"
    plain = ("answer_id", "number", "mode", "text", "error", "started_at", "ended_at")
    return Version(state=state, **{name: row[name] for name in plain})


def turns_of(exchange: Exchange) -> tuple[Turn, ...]:
    """The question with its latest whole answer, else with what was written of the latest; () while it is running."""
    whole = [one for one in exchange.versions if one.state == "done"]
    shown = (whole or list(exchange.versions))[-1]
    if shown.state == "running":
        return ()
    asked = Turn(role="user", text=exchange.question)
    return (asked, Turn(role="assistant", text=shown.text)) if shown.text.strip() or whole else (asked,)


def shown_title(found: tuple[Exchange, ...]) -> str:
    """What a conversation is called that nobody named."""
    return found[0].question if found else ""


def _title() -> ColumnElement[Any]:
    """In SQL: the name given, else the first question."""
    asked = exchanges.alias()
    first = (
        select(asked.c.question)
        .where(asked.c.conversation == conversations.c.id)
        .order_by(asked.c.position)
        .limit(1)
        .correlate(conversations)
        .scalar_subquery()
    )
    return func.coalesce(conversations.c.title, first).label("shown")


def overview(connection: Connection, scope: Scope, *, limit: int | None, offset: int) -> tuple[Listed, ...]:
    """Conversations with a question in them, latest change first."""
    count = (
        select(func.count())
        .select_from(exchanges)
        .where(exchanges.c.conversation == conversations.c.id)
        .scalar_subquery()
    )
    wanted = (
        select(conversations, _title(), count.label("count"))
        .where(conversations.c.tenant == scope.tenant, conversations.c.owner == scope.owner, count > 0)
        .order_by(conversations.c.changed_at.desc(), conversations.c.id)
        .limit(limit)
        .offset(offset)
    )
    return tuple(
        Listed(
            conversation_id=row["id"],
            title=row["shown"],
            created_at=row["created_at"],
            changed_at=row["changed_at"],
            exchanges=row["count"],
        )
        for row in connection.execute(wanted).mappings()
    )


def matches(connection: Connection, scope: Scope, query: str, *, limit: int | None) -> tuple[Match, ...]:
    """Exchanges where every word of the query stands in the question, the latest answer or the title."""
    wanted_words = patterns(query)
    if not wanted_words:
        return ()
    wanted = (
        select(exchanges.c.id, exchanges.c.conversation, exchanges.c.question, exchanges.c.asked_at)
        .add_columns(answers.c.text, answers.c.id.label("answer_id"), _title())
        .join(conversations, conversations.c.id == exchanges.c.conversation)
        .join(answers, answers.c.exchange == exchanges.c.id)
        .where(exchanges.c.tenant == scope.tenant, exchanges.c.owner == scope.owner)
        .where(answers.c.number == latest_number())
        .where(*(or_(exchanges.c.words.like(one), conversations.c.words.like(one)) for one in wanted_words))
        .order_by(exchanges.c.asked_at.desc(), exchanges.c.id)
        .limit(limit)
    )
    return tuple(_match(row, query) for row in connection.execute(wanted).mappings())


def _match(row: RowMapping, query: str) -> Match:
    """The snippet is of the question, unless only the answer holds a word found."""
    shown = snippet(row["question"], query)
    if not any(found for _, found in shown):
        answered = snippet(row["text"], query)
        shown = answered if any(found for _, found in answered) else shown
    return Match(
        conversation_id=row["conversation"],
        title=row["shown"],
        exchange_id=row["id"],
        answer_id=row["answer_id"],
        asked_at=row["asked_at"],
        snippet=shown,
    )
