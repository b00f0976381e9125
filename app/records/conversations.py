"""Conversations of every tenant and owner: a question is on the disk before its answer is begun, and the answer whole.

    records = Records.open(home / "groundtune.db")
    mine = Scope(tenant="default", owner="command line")
    talk = records.conversations.begin(mine)
    asked = records.conversations.ask(mine, talk.conversation_id, question="...", mode="rag", knowledge_base="sample")
    records.conversations.finish(mine, asked.latest.answer_id, answer)

Every method takes the scope, and what belongs to another scope does not exist for it.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, Table, delete, func, insert, select, update

from app.records.database import Database
from app.records.entries import Conversation, Exchange, Listed, Match, Scope, Version
from app.records.reading import exchanges_of, matches, overview, shown_title, turns_of
from app.records.running import Pulse, process_token
from app.records.tables import answers, conversations, exchanges
from app.records.words import words_of
from chains.answer import Answer, Mode, Turn
from chains.restoring import answer_from_dict
from errors import RecordNotFoundError

__all__ = ["HISTORY_TURNS", "Conversations", "owned", "owned_by", "storable", "whose"]

HISTORY_TURNS = 6  # earlier exchanges that a question carries along
LONGEST_TITLE = 120


class Conversations:
    """Thread-safe, and several processes may write. Raises RecordNotFoundError for what is not the scope's."""

    def __init__(
        self,
        database: Database,
        *,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
        runner: str | None = None,
    ) -> None:
        self._database = database
        self._clock = clock
        self._runner = runner or process_token()
        self._pulse = Pulse(self._beat)

    # --- asking and answering ---------------------------------------------------------------------

    def begin(self, scope: Scope) -> Conversation:
        """An empty conversation; it is listed once something was asked in it."""
        now, conversation_id = self._now(), secrets.token_hex(12)
        row = {"id": conversation_id, "words": "", "created_at": now, "changed_at": now}
        with self._database.write() as connection:
            connection.execute(insert(conversations).values(**row, **whose(scope)))
        return Conversation(
            conversation_id=conversation_id, title="", created_at=now, changed_at=now, exchanges=()
        )

    def ask(
        self,
        scope: Scope,
        conversation_id: str,
        *,
        question: str,
        mode: Mode,
        knowledge_base: str,
        files: Sequence[str] = (),
    ) -> Exchange:
        """Writes the question down, with an answer that is running. Call finish, stop or fail with its id."""
        exchange_id, now = f"{conversation_id}-{secrets.token_hex(4)}", self._now()
        question = storable(question)
        with self._database.write() as connection:
            self._touch(connection, scope, conversation_id, now)
            last = select(func.max(exchanges.c.position)).where(exchanges.c.conversation == conversation_id)
            row = {
                "id": exchange_id,
                "conversation": conversation_id,
                "position": (connection.execute(last).scalar() or 0) + 1,
                "question": question,
                "knowledge_base": storable(knowledge_base),
                "files": json.dumps(list(files)),
                "words": words_of(question),
                "asked_at": now,
            }
            connection.execute(insert(exchanges).values(**row, **whose(scope)))
            self._run(connection, scope, exchange_id, 1, mode, now)
            return self._exchange(connection, scope, exchange_id)

    def regenerate(self, scope: Scope, exchange_id: str, *, mode: Mode) -> Exchange:
        """A further answer to the same question, running; the earlier ones are kept, the latest is shown."""
        now = self._now()
        with self._database.write() as connection:
            before = self._exchange(connection, scope, exchange_id)
            self._touch(connection, scope, before.conversation_id, now)
            self._run(connection, scope, exchange_id, before.latest.number + 1, mode, now)
            return self._exchange(connection, scope, exchange_id)

    def finish(self, scope: Scope, answer_id: str, answer: Answer) -> bool:
        """Keeps the whole answer. False where it was deleted, or ended otherwise, meanwhile."""
        kept = json.dumps(answer.as_record())
        return self._end(scope, answer_id, state="done", text=answer.text, mode=answer.mode, record=kept)

    def stop(self, scope: Scope, answer_id: str, *, text: str) -> bool:
        """Keeps what was written so far; False as in `finish`."""
        return self._end(scope, answer_id, state="stopped", text=text)

    def fail(self, scope: Scope, answer_id: str, *, error: str, text: str = "") -> bool:
        """Keeps the sentence of the failure and what was written so far; False as in `finish`."""
        return self._end(scope, answer_id, state="failed", text=text, error=storable(error))

    # --- reading ----------------------------------------------------------------------------------

    def find(self, scope: Scope, conversation_id: str) -> Conversation | None:
        """None where it is unknown, and where it is another's: the two look the same."""
        with self._database.read() as connection:
            wanted = owned(conversations, scope, conversation_id)
            row = connection.execute(select(conversations).where(wanted)).mappings().one_or_none()
            if row is None:
                return None
            within = exchanges.c.conversation == conversation_id
            found = exchanges_of(connection, scope, within, now=self._clock(), me=self._runner)
        return Conversation(
            conversation_id=conversation_id,
            title=row["title"] or shown_title(found),
            created_at=row["created_at"],
            changed_at=row["changed_at"],
            exchanges=found,
        )

    def version(self, scope: Scope, answer_id: str) -> Version | None:
        """How far one answer has come."""
        within = (
            exchanges.c.id
            == select(answers.c.exchange).where(owned(answers, scope, answer_id)).scalar_subquery()
        )
        with self._database.read() as connection:
            found = exchanges_of(connection, scope, within, now=self._clock(), me=self._runner)
        return next((one for each in found for one in each.versions if one.answer_id == answer_id), None)

    def answer(self, scope: Scope, answer_id: str) -> Answer | None:
        """The whole answer with its evidence; None where it did not come to its end."""
        wanted = select(answers.c.record).where(owned(answers, scope, answer_id))
        with self._database.read() as connection:
            row = connection.execute(wanted).one_or_none()
        return answer_from_dict(json.loads(row[0])) if row is not None and row[0] is not None else None

    def spent_usd(self, scope: Scope, conversation_id: str) -> float:
        """US dollars that the conversation's answers took, as far as their prices are known."""
        wanted = (
            select(answers.c.record)
            .join(exchanges, answers.c.exchange == exchanges.c.id)
            .where(owned_by(answers, scope), exchanges.c.conversation == conversation_id)
        )
        with self._database.read() as connection:
            kept = [row[0] for row in connection.execute(wanted) if row[0] is not None]
        return sum(json.loads(record).get("cost_usd") or 0.0 for record in kept)

    def list(self, scope: Scope, *, limit: int | None = 30, offset: int = 0) -> tuple[Listed, ...]:
        """Those with a question in them, latest change first."""
        with self._database.read() as connection:
            return overview(connection, scope, limit=limit, offset=offset)

    def search(self, scope: Scope, query: str, *, limit: int | None = 30) -> tuple[Match, ...]:
        """Exchanges whose question, latest answer or title hold every word of the query, latest first."""
        with self._database.read() as connection:
            return matches(connection, scope, query, limit=limit)

    def history(self, scope: Scope, conversation_id: str, *, before: str | None = None) -> tuple[Turn, ...]:
        """The last exchanges that have ended, oldest first; those before an exchange where one is named.

        A question that was stopped, failed or was interrupted stands with what was written so far, or by itself.
        """
        within = exchanges.c.conversation == conversation_id
        if before is not None:
            named = select(exchanges.c.position).where(owned(exchanges, scope, before)).scalar_subquery()
            within &= exchanges.c.position < named
        with self._database.read() as connection:
            found = exchanges_of(connection, scope, within, now=self._clock(), me=self._runner)
        ended = [turns for exchange in found if (turns := turns_of(exchange))]
        return tuple(turn for turns in ended[-HISTORY_TURNS:] for turn in turns)

    # --- changing and deleting --------------------------------------------------------------------

    def rename(self, scope: Scope, conversation_id: str, title: str) -> None:
        """A blank title gives the conversation its first question's again."""
        title = " ".join(storable(title).split())[:LONGEST_TITLE]
        changed = update(conversations).where(owned(conversations, scope, conversation_id))
        with self._database.write() as connection:
            done = connection.execute(changed.values(title=title or None, words=words_of(title)))
            _must_be_there(done.rowcount, "conversation", conversation_id)

    def delete_exchange(self, scope: Scope, exchange_id: str) -> None:
        """A question with all its answers, for good."""
        self._delete(exchanges, scope, exchange_id, "question")

    def delete(self, scope: Scope, conversation_id: str) -> None:
        """A conversation with all that is in it, for good."""
        self._delete(conversations, scope, conversation_id, "conversation")

    def delete_all(self, scope: Scope) -> int:
        """All conversations of an owner, for good; how many there were."""
        with self._database.write() as connection:
            gone = connection.execute(delete(conversations).where(owned_by(conversations, scope))).rowcount
        self._database.forget()
        return gone

    def close(self) -> None:
        self._pulse.stop()

    # --- within -----------------------------------------------------------------------------------

    def _now(self) -> str:
        return self._clock().astimezone(UTC).isoformat(timespec="microseconds")

    def _touch(self, connection: Connection, scope: Scope, conversation_id: str, now: str) -> None:
        changed = update(conversations).where(owned(conversations, scope, conversation_id))
        done = connection.execute(changed.values(changed_at=now))
        _must_be_there(done.rowcount, "conversation", conversation_id)

    def _run(
        self, connection: Connection, scope: Scope, exchange_id: str, number: int, mode: Mode, now: str
    ) -> None:
        row = {
            "id": exchange_id if number == 1 else f"{exchange_id}-{number}",
            "exchange": exchange_id,
            "number": number,
            "mode": mode,
            "state": "running",
            "text": "",
            "started_at": now,
            "runner": self._runner,
            "beat_at": now,
        }
        connection.execute(insert(answers).values(**row, **whose(scope)))
        self._pulse.add(str(row["id"]))

    def _exchange(self, connection: Connection, scope: Scope, exchange_id: str) -> Exchange:
        within = exchanges.c.id == exchange_id
        found = exchanges_of(connection, scope, within, now=self._clock(), me=self._runner)
        _must_be_there(len(found), "question", exchange_id)
        return found[0]

    def _end(self, scope: Scope, answer_id: str, *, text: str, **values: Any) -> bool:
        """Once only: an answer that is not running any more stays as it is."""
        running = (owned(answers, scope, answer_id), answers.c.state == "running")
        text, now = storable(text), self._now()
        try:
            with self._database.write() as connection:
                ended = update(answers).where(*running).values(text=text, ended_at=now, **values)
                if not connection.execute(ended).rowcount:
                    return False
                self._index(connection, scope, answer_id)
                return True
        finally:  # also where a full disk keeps it from being written
            self._pulse.discard(answer_id)

    def _index(self, connection: Connection, scope: Scope, answer_id: str) -> None:
        """The words of the question and of its latest answer, whichever has just ended."""
        exchange_id = select(answers.c.exchange).where(owned(answers, scope, answer_id)).scalar_subquery()
        of_it = (owned_by(exchanges, scope), exchanges.c.id == exchange_id)
        shown = (
            select(exchanges.c.question, answers.c.text)
            .join(answers, answers.c.exchange == exchanges.c.id)
            .where(*of_it)
            .order_by(answers.c.number.desc())
            .limit(1)
        )
        question, text = connection.execute(shown).one()
        connection.execute(update(exchanges).where(*of_it).values(words=words_of(f"{question}\n{text}")))

    def _delete(self, table: Table, scope: Scope, identity: str, what: str) -> None:
        with self._database.write() as connection:
            gone = connection.execute(delete(table).where(owned(table, scope, identity))).rowcount
            _must_be_there(gone, what, identity)
        self._database.forget()

    def _beat(self, running: Sequence[str]) -> None:
        with self._database.write() as connection:
            mine = (answers.c.id.in_(running), answers.c.runner == self._runner)
            connection.execute(update(answers).where(*mine).values(beat_at=self._now()))


def owned(table: Table, scope: Scope, identity: str) -> ColumnElement[bool]:
    """One row by its id, if it is the scope's."""
    return owned_by(table, scope) & (table.c.id == identity)


def storable(text: str) -> str:
    """What every database takes: no NUL, no half of a surrogate pair."""
    return text.encode("utf-8", "replace").decode("utf-8").replace("\0", "\ufffd")


def owned_by(table: Table, scope: Scope) -> ColumnElement[bool]:
    """All rows of the scope."""
    return (table.c.tenant == scope.tenant) & (table.c.owner == scope.owner)


def whose(scope: Scope) -> dict[str, str]:
    """The columns that say whose a row is."""
    return {"tenant": scope.tenant, "owner": scope.owner}


def _must_be_there(count: int, what: str, identity: str) -> None:
    if not count:
        raise RecordNotFoundError(
            f"There is no {what} {identity!r}, or it was deleted: see python -m app conversations list."
        )
