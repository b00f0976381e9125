"""Votes on the same question answered in several modes, kept for the evaluation with the answers they were on."""

from __future__ import annotations

import json
import secrets
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from sqlalchemy import delete, insert, select, update

from app.records.conversations import owned, owned_by, storable, whose
from app.records.database import Database
from app.records.entries import Scope
from app.records.tables import votes
from chains.answer import Answer, Mode
from chains.restoring import answer_from_dict
from errors import SettingsError

__all__ = ["UNDECIDED", "Vote", "Votes"]

UNDECIDED = ("tie", "none")  # what may win besides the modes: all are as good, none is


@dataclass(frozen=True, slots=True, kw_only=True)
class Vote:
    vote_id: str
    owner: str
    question: str
    modes: tuple[Mode, ...]
    answers: tuple[Answer | None, ...]  # one a mode; None where it failed
    winner: str  # one of the modes, "tie" or "none"
    voted_at: str


class Votes:
    """Thread-safe."""

    def __init__(
        self, database: Database, *, clock: Callable[[], datetime] = lambda: datetime.now(UTC)
    ) -> None:
        self._database = database
        self._clock = clock

    def vote(
        self,
        scope: Scope,
        *,
        question: str,
        modes: Sequence[Mode],
        answers: Sequence[Answer | None],
        winner: str,
        vote_id: str | None = None,
    ) -> str:
        """The vote's id; one with an id that the owner used before replaces it. Raises SettingsError for a winner
        that was not asked."""
        if winner not in (*modes, *UNDECIDED) or len(modes) != len(answers):
            raise SettingsError(f"{winner!r} cannot win: vote for one of {', '.join([*modes, *UNDECIDED])}.")
        values = {
            "question": storable(question),
            "modes": json.dumps(list(modes)),
            "answers": json.dumps([one.as_record() if one else None for one in answers]),
            "winner": winner,
            "voted_at": self._clock().astimezone(UTC).isoformat(timespec="microseconds"),
        }
        identity = vote_id or secrets.token_hex(12)
        with self._database.write() as connection:
            changed = update(votes).where(owned(votes, scope, identity)).values(**values)
            if not connection.execute(changed).rowcount:
                connection.execute(insert(votes).values(id=identity, **whose(scope), **values))
        return identity

    def all(self, tenant: str, *, owner: str | None) -> tuple[Vote, ...]:
        """Oldest first; `owner=None` takes all of the tenant."""
        mine = votes.c.tenant == tenant
        mine = mine & (votes.c.owner == owner) if owner is not None else mine
        with self._database.read() as connection:
            rows = (
                connection.execute(select(votes).where(mine).order_by(votes.c.voted_at, votes.c.id))
                .mappings()
                .all()
            )
        return tuple(
            Vote(
                vote_id=row["id"],
                owner=row["owner"],
                question=row["question"],
                modes=tuple(json.loads(row["modes"])),
                answers=tuple(answer_from_dict(one) if one else None for one in json.loads(row["answers"])),
                winner=row["winner"],
                voted_at=row["voted_at"],
            )
            for row in rows
        )

    def tally(self, scope: Scope) -> Mapping[str, int]:
        """How often each mode, "tie" and "none" won the owner's votes."""
        with self._database.read() as connection:
            return Counter(connection.execute(select(votes.c.winner).where(owned_by(votes, scope))).scalars())

    def withdraw(self, scope: Scope, vote_id: str) -> bool:
        """For good; False where there was none."""
        with self._database.write() as connection:
            gone = connection.execute(delete(votes).where(owned(votes, scope, vote_id))).rowcount
        self._database.forget()
        return bool(gone)

    def delete_all(self, scope: Scope) -> int:
        """All of the owner's, for good; how many there were."""
        with self._database.write() as connection:
            gone = connection.execute(delete(votes).where(owned_by(votes, scope))).rowcount
        self._database.forget()
        return gone
