"""👍 and 👎 on answers, and what can be taught from them.

One per owner and answer; it can be changed and taken back, and goes when its answer is deleted.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Literal, cast

from sqlalchemy import ColumnElement, RowMapping, delete, exists, insert, select, update

from app.records.conversations import HISTORY_TURNS, owned, owned_by, storable, whose
from app.records.database import Database
from app.records.entries import Scope
from app.records.tables import answers, exchanges, feedback
from errors import RecordNotFoundError, SettingsError

__all__ = ["LONGEST_COMMENT", "LONGEST_CORRECTION", "REASONS", "Feedback", "Given", "Rating", "Reason"]

Rating = Literal["up", "down"]
Reason = Literal["right", "wrong", "incomplete", "unsupported source", "should have refused", "not helpful"]
REASONS: dict[Rating, tuple[Reason, ...]] = {
    "up": ("right",),
    "down": ("wrong", "incomplete", "unsupported source", "should have refused", "not helpful"),
}
LONGEST_COMMENT = 1_000
LONGEST_CORRECTION = 8_000
_MARKERS = re.compile(r"\s?\[(?:\d{1,3}|\?)\]")


@dataclass(frozen=True, slots=True, kw_only=True)
class Given:
    """What an owner thinks of an answer."""

    answer_id: str
    rating: Rating
    reason: Reason | None
    comment: str
    correction: str  # what the answer should have been; "" where that is not said
    changed_at: str

    def as_dict(self) -> dict[str, object]:
        return {name: getattr(self, name) for name in self.__slots__}


class Feedback:
    """Thread-safe."""

    def __init__(
        self, database: Database, *, clock: Callable[[], datetime] = lambda: datetime.now(UTC)
    ) -> None:
        self._database = database
        self._clock = clock

    def give(
        self,
        scope: Scope,
        answer_id: str,
        *,
        rating: Rating,
        reason: Reason | None = None,
        comment: str = "",
        correction: str = "",
    ) -> Given:
        """Instead of what was given before. Raises SettingsError for what is too long or no reason of this rating."""
        _check(rating, reason, comment, correction)
        values = {
            "rating": rating,
            "reason": reason,
            "comment": storable(comment.strip()),
            "correction": storable(correction.strip()),
            "changed_at": self._clock().astimezone(UTC).isoformat(timespec="microseconds"),
        }
        with self._database.write() as connection:
            if (
                connection.execute(select(answers.c.id).where(owned(answers, scope, answer_id))).scalar()
                is None
            ):
                raise RecordNotFoundError(
                    f"There is no answer {answer_id!r} any more, so it cannot be rated."
                )
            changed = update(feedback).where(_one(scope, answer_id)).values(**values)
            if not connection.execute(changed).rowcount:
                connection.execute(insert(feedback).values(answer=answer_id, **whose(scope), **values))
        return Given(answer_id=answer_id, **cast(dict[str, Any], values))

    def of(self, scope: Scope, answer_id: str) -> Given | None:
        """What the owner gave to this answer."""
        with self._database.read() as connection:
            row = connection.execute(select(feedback).where(_one(scope, answer_id))).mappings().one_or_none()
        return _given(row) if row is not None else None

    def list(self, scope: Scope) -> tuple[Given, ...]:
        """All that the owner gave, latest first."""
        wanted = select(feedback).where(owned_by(feedback, scope)).order_by(feedback.c.changed_at.desc())
        with self._database.read() as connection:
            return tuple(map(_given, connection.execute(wanted).mappings()))

    def withdraw(self, scope: Scope, answer_id: str) -> bool:
        """For good; False where there was none."""
        with self._database.write() as connection:
            gone = connection.execute(delete(feedback).where(_one(scope, answer_id))).rowcount
        self._database.forget()
        return bool(gone)

    def training_examples(self, tenant: str, *, owner: str | None) -> Iterator[dict[str, Any]]:
        """Chat rows {messages, metadata} of answers with 👍 and of those with a corrected answer, oldest first.

        `owner=None` takes all of the tenant. A follow-up question comes with the turns before it, whose answers
        carry weight 0: they are read, not learnt. Source numbers are left out.
        """
        worth = (feedback.c.rating == "up") | (feedback.c.correction != "")
        yield from map(_example, self._rated(tenant, owner, worth))

    def preference_examples(self, tenant: str, *, owner: str | None) -> Iterator[dict[str, Any]]:
        """Preference rows {input, preferred_output, non_preferred_output, metadata} of answers with 👎 and a
        correction, which is preferred to what was answered; oldest first. `owner=None` takes all of the tenant.
        """
        corrected = (feedback.c.rating == "down") & (feedback.c.correction != "")
        for row in self._rated(tenant, owner, corrected):
            told = _without_markers(row["text"])
            if told and told != _without_markers(row["correction"]):
                yield _preference(row, told)

    def unrated_examples(self, tenant: str, *, owner: str | None) -> Iterator[dict[str, Any]]:
        """Chat rows {messages, metadata} of the latest answers that nobody has rated, oldest first.

        Answers that found nothing in the documents are left out: they teach what was missing then.
        """
        mine = answers.c.tenant == tenant
        mine = mine & (answers.c.owner == owner) if owner is not None else mine
        later = answers.alias("later")
        replaced = exists().where(later.c.exchange == answers.c.exchange, later.c.number > answers.c.number)
        rated = exists().where(feedback.c.answer == answers.c.id)
        wanted = (
            select(answers.c.id.label("answer"), answers.c.text, answers.c.mode, answers.c.record)
            .add_columns(exchanges.c.question, exchanges.c.conversation)
            .join(exchanges, exchanges.c.id == answers.c.exchange)
            .where(mine, answers.c.state == "done", ~replaced, ~rated)
            .order_by(answers.c.ended_at, answers.c.id)
        )
        with self._database.read() as connection:
            rows = connection.execute(wanted).mappings().all()
        for row in rows:
            if _without_markers(row["text"]) and not json.loads(row["record"]).get("abstained"):
                yield _unrated(row)

    def _rated(self, tenant: str, owner: str | None, worth: ColumnElement[bool]) -> Sequence[RowMapping]:
        """Whole answers with what was given to them."""
        mine = feedback.c.tenant == tenant
        mine = mine & (feedback.c.owner == owner) if owner is not None else mine
        wanted = (
            select(feedback, answers.c.text, answers.c.mode, answers.c.record)
            .add_columns(exchanges.c.question, exchanges.c.conversation, exchanges.c.position)
            .join(answers, answers.c.id == feedback.c.answer)
            .join(exchanges, exchanges.c.id == answers.c.exchange)
            .where(mine, worth)
            .where(answers.c.state == "done")
            .order_by(feedback.c.changed_at, feedback.c.answer)
        )
        with self._database.read() as connection:
            return connection.execute(wanted).mappings().all()

    def delete_all(self, scope: Scope) -> int:
        """All that the owner gave, for good; how many there were."""
        with self._database.write() as connection:
            gone = connection.execute(delete(feedback).where(owned_by(feedback, scope))).rowcount
        self._database.forget()
        return gone


def _check(rating: Rating, reason: str | None, comment: str, correction: str) -> None:
    if rating not in REASONS:
        raise SettingsError(f"{rating!r} is no rating: give up or down.")
    reasons = REASONS[rating]
    if reason is not None and reason not in reasons:
        raise SettingsError(f"{reason!r} is no reason for {rating!r}: give one of {', '.join(reasons)}.")
    for what, text, longest in (
        ("comment", comment, LONGEST_COMMENT),
        ("corrected answer", correction, LONGEST_CORRECTION),
    ):
        if len(text) > longest:
            raise SettingsError(f"The {what} has {len(text):,} characters: shorten it to {longest:,}.")


def _one(scope: Scope, answer_id: str) -> ColumnElement[bool]:
    return owned_by(feedback, scope) & (feedback.c.answer == answer_id)


def _given(row: RowMapping) -> Given:
    plain = ("rating", "reason", "comment", "correction", "changed_at")
    return Given(answer_id=row["answer"], **{name: row[name] for name in plain})


def _example(row: RowMapping) -> dict[str, Any]:
    told = {"role": "assistant", "content": _without_markers(row["correction"] or row["text"])}
    return {"messages": [*_asked(row), told], "metadata": _facts(row)}


def _preference(row: RowMapping, told: str) -> dict[str, Any]:
    turns = [{name: turn[name] for name in ("role", "content")} for turn in _asked(row)]
    better = {"role": "assistant", "content": _without_markers(row["correction"])}
    return {
        "input": {"messages": turns},
        "preferred_output": [better],
        "non_preferred_output": [{"role": "assistant", "content": told}],
        "metadata": _facts(row),
    }


def _unrated(row: RowMapping) -> dict[str, Any]:
    told = {"role": "assistant", "content": _without_markers(row["text"])}
    facts = {name: row[name] for name in ("conversation", "answer", "mode")}
    return {"messages": [*_asked(row), told], "metadata": {"source": "conversation", **facts}}


def _facts(row: RowMapping) -> dict[str, Any]:
    names = ("conversation", "answer", "rating", "reason", "mode")
    return {"source": "feedback"} | {name: row[name] for name in names}


def _asked(row: RowMapping) -> list[dict[str, Any]]:
    return [*_turns_before(row), {"role": "user", "content": row["question"]}]


def _turns_before(row: RowMapping) -> Iterator[dict[str, Any]]:
    """The conversation as it was sent with the question; none where the question stood for itself."""
    record = json.loads(row["record"])
    if not record.get("searched_for"):
        return
    receipt = record.get("receipt") or {}
    question = receipt.get("question") or {}
    for turn in question.get("history", [])[-2 * HISTORY_TURNS :]:
        weight = {"weight": 0} if turn["role"] == "assistant" else {}
        yield {"role": turn["role"], "content": _without_markers(turn["text"])} | weight


def _without_markers(text: str) -> str:
    return _MARKERS.sub("", text).strip()
