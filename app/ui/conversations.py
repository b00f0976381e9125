"""Conversations as the pages draw them, over the records: each seen only by the browser that began it.

A question is in the records before its worker starts; the worker puts the outcome there, whether or not anyone still
looks. The id is unguessable and stands in the page's address, so a reload finds its conversation again, also in the
next process. A browser without cookies is a new owner in every session: it keeps its conversations for that long.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

from app.records.conversations import Conversations as Kept
from app.records.entries import Exchange as KeptExchange
from app.records.entries import Listed, Match, Scope
from app.ui.comparisons import comparisons
from app.ui.live import LiveAnswer, LiveSnapshot, live_answers
from app.workspace import TENANT, open_workspace
from chains.answer import Answer, AnswerEvent, Mode, Turn
from errors import RecordNotFoundError

__all__ = ["INTERRUPTED", "Conversation", "Conversations", "Exchange", "conversations"]

INTERRUPTED = "The answer was interrupted: Groundtune ended while it was being written. Ask again."


@dataclass(frozen=True, slots=True, kw_only=True)
class Exchange:
    """One question and, under `key` in the live answers and in the records, its latest answer."""

    key: str  # of the answer: asking again gives another
    exchange_id: str
    question: str
    mode: Mode
    knowledge_base: str
    files: tuple[str, ...]  # uploaded with the question
    asked_at: str
    versions: int  # answers given to it so far
    scope: Scope

    def snapshot(self) -> LiveSnapshot | None:
        """From the worker while the process knows it, else from the records; None when it was deleted."""
        live = live_answers().get(self.key)
        return live.snapshot() if live else _kept_snapshot(self.scope, self.key)


@dataclass(slots=True, kw_only=True)
class Conversation:
    conversation_id: str
    title: str  # as renamed, else the first question
    changed_at: str
    scope: Scope
    kept: Kept
    _exchanges: list[Exchange] | None = field(default=None, repr=False)

    @property
    def owner(self) -> str:
        return self.scope.owner

    @property
    def exchanges(self) -> list[Exchange]:
        """Read from the records at the first use."""
        if self._exchanges is None:
            found = self.kept.find(self.scope, self.conversation_id)
            self._exchanges = [_shown(one, self.scope) for one in found.exchanges] if found else []
        return self._exchanges

    def ask(self, question: str, *, mode: Mode, knowledge_base: str, files: Sequence[str] = ()) -> Exchange:
        """Adds it; `answer` starts the worker. Raises RecordNotFoundError where the conversation was deleted."""
        before = self.exchanges
        fresh = self.kept.ask(
            self.scope,
            self.conversation_id,
            question=question,
            mode=mode,
            knowledge_base=knowledge_base,
            files=files,
        )
        before.append(_shown(fresh, self.scope))
        return before[-1]

    def ask_again(self, exchange: Exchange, *, mode: Mode) -> Exchange | None:
        """The same question in its place, with a further answer to come; None where it was deleted."""
        try:
            fresh = _shown(self.kept.regenerate(self.scope, exchange.exchange_id, mode=mode), self.scope)
        except RecordNotFoundError:
            return None
        self._exchanges = [fresh if one.exchange_id == fresh.exchange_id else one for one in self.exchanges]
        return fresh

    def answer(self, exchange: Exchange, events: Callable[[], Iterable[AnswerEvent]]) -> LiveAnswer:
        """Starts the worker, whose outcome goes into the records."""
        kept, scope, key = self.kept, self.scope, exchange.key
        return live_answers().start(key, events, keep=lambda now: _keep(kept, scope, key, now))

    def take_out(self, exchange: Exchange) -> None:
        """Deletes a question with its answers for good; one that is gone already is no matter."""
        with contextlib.suppress(RecordNotFoundError):
            self.kept.delete_exchange(self.scope, exchange.exchange_id)
        live_answers().forget(exchange.exchange_id)
        self._exchanges = [one for one in self.exchanges if one.exchange_id != exchange.exchange_id]

    def history(self, *, before: Exchange | None = None) -> tuple[Turn, ...]:
        """The last exchanges that have ended, as a chain wants them, up to an exchange where one is given."""
        named = before.exchange_id if before else None
        return self.kept.history(self.scope, self.conversation_id, before=named)


class Conversations:
    """Of one tenant. Thread-safe."""

    def __init__(self, kept: Kept, *, tenant: str = TENANT) -> None:
        self._kept = kept
        self._tenant = tenant

    def begin(self, owner: str) -> Conversation:
        scope = self._scope(owner)
        fresh = self._kept.begin(scope)
        return Conversation(
            conversation_id=fresh.conversation_id,
            title="",
            changed_at=fresh.changed_at,
            scope=scope,
            kept=self._kept,
        )

    def find(self, conversation_id: str, owner: str) -> Conversation | None:
        """None where it is unknown, and where it is another's: the two look the same."""
        scope = self._scope(owner)
        found = self._kept.find(scope, conversation_id)
        if found is None:
            return None
        return Conversation(
            conversation_id=conversation_id,
            title=found.title,
            changed_at=found.changed_at,
            scope=scope,
            kept=self._kept,
            _exchanges=[_shown(one, scope) for one in found.exchanges],
        )

    def of(self, owner: str, *, limit: int = 30, offset: int = 0) -> list[Conversation]:
        """Those with a question in them, latest first."""
        scope = self._scope(owner)
        return [self._listed(scope, one) for one in self._kept.list(scope, limit=limit, offset=offset)]

    def search(self, owner: str, query: str, *, limit: int = 30) -> tuple[Match, ...]:
        """Exchanges that hold every word, latest first."""
        return self._kept.search(self._scope(owner), query, limit=limit)

    def rename(self, conversation_id: str, owner: str, title: str) -> None:
        self._kept.rename(self._scope(owner), conversation_id, title)

    def delete(self, conversation_id: str, owner: str) -> None:
        """For good; one that is gone already is no matter."""
        with contextlib.suppress(RecordNotFoundError):
            self._kept.delete(self._scope(owner), conversation_id)
        live_answers().forget(conversation_id)

    def delete_all(self, owner: str) -> None:
        """All that is kept of an owner, feedback, votes and comparisons too, for good."""
        scope = self._scope(owner)
        going = [one.conversation_id for one in self._kept.list(scope, limit=None)]
        open_workspace().records.forget(scope)
        for conversation_id in going:
            live_answers().forget(conversation_id)
        comparisons().forget(owner)

    def _scope(self, owner: str) -> Scope:
        return Scope(tenant=self._tenant, owner=owner)

    def _listed(self, scope: Scope, one: Listed) -> Conversation:
        return Conversation(
            conversation_id=one.conversation_id,
            title=one.title,
            changed_at=one.changed_at,
            scope=scope,
            kept=self._kept,
        )


def conversations() -> Conversations:
    """Those of the process's workspace."""
    return Conversations(open_workspace().records.conversations)


def _shown(kept: KeptExchange, scope: Scope) -> Exchange:
    return Exchange(
        key=kept.latest.answer_id,
        exchange_id=kept.exchange_id,
        question=kept.question,
        mode=kept.latest.mode,
        knowledge_base=kept.knowledge_base,
        files=kept.files,
        asked_at=kept.asked_at,
        versions=len(kept.versions),
        scope=scope,
    )


def _keep(kept: Kept, scope: Scope, key: str, now: LiveSnapshot) -> None:
    """What became of an answer, into the records; nothing where it was deleted meanwhile."""
    if now.answer is not None:
        kept.finish(scope, key, now.answer)
    elif now.state == "failed":
        kept.fail(scope, key, error=now.error or "", text=now.text)
    else:
        kept.stop(scope, key, text=now.text)


def _kept_snapshot(scope: Scope, key: str) -> LiveSnapshot | None:
    """An answer that this process did not make, or has forgotten; once it has ended it is remembered again."""
    kept = open_workspace().records.conversations
    version = kept.version(scope, key)
    if version is None:
        return None
    if version.state == "running":  # in another process
        return LiveSnapshot(state="running", stage="elsewhere", text=version.text)
    if version.state == "interrupted":
        return LiveSnapshot(state="failed", stage="ended", text=version.text, error=INTERRUPTED)
    answer: Answer | None = kept.answer(scope, key)
    now = LiveSnapshot(
        state=version.state,
        stage="ended",
        text=version.text,
        answer=answer,
        error=version.error,
        searched_for=answer.searched_for if answer else None,
    )
    live_answers().remember(key, now)
    return now
