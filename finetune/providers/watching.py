"""Looking at a job where it is trained, again and again; what was seen is kept, so a watch goes on after a restart.

A status that nobody has heard of is kept and shown. A job that its place does not know is "lost" after three looks.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from errors import GroundtuneError, ProviderError, SettingsError, TuningBusyError, TuningNotFoundError
from finetune.providers.connection import Connection
from finetune.providers.ledger import Ledger
from finetune.providers.orders import Entry, JobView, SeenCheckpoint, SeenEvent
from finetune.providers.wire import checkpoint, event, pages, plain, view

MISSES = 3
GROWTH = 1.5
_NO_USE = frozenset({401, 403})  # another look would not help


@dataclass(frozen=True, slots=True, kw_only=True)
class Update:
    """What one look brought."""

    job: JobView
    events: tuple[SeenEvent, ...] = ()  # that were not told before, oldest first
    note: str | None = None  # why the place could not be looked at, this time


@dataclass(slots=True)
class Interval:
    """Seconds to the next look: from the first figure to the longest, each with a fifth of chance in it."""

    first: float
    longest: float
    chance: Callable[[], float]  # 0 to 1
    _now: float = 0.0

    def next(self, *, news: bool) -> float:
        self._now = self.first if news or not self._now else min(self._now * GROWTH, self.longest)
        return self._now * (0.8 + 0.4 * self.chance())


@dataclass(frozen=True, slots=True, kw_only=True)
class Watcher:
    ledger: Ledger
    connection: Connection

    def look(self, entry: Entry) -> Entry:
        """The job as it is now, and its new events, into the ledger. Raises ProviderError and the like."""
        if entry.state != "sent" or entry.remote_id is None:
            return entry
        jobs = self.connection.client.fine_tuning.jobs
        try:
            with self.connection.asking(f"the job {entry.remote_id}"):
                job = plain(jobs.retrieve(entry.remote_id))
        except TuningNotFoundError:
            self._check_account(entry)
            return self._missed(entry)
        self._events(entry)
        return self.ledger.change(entry.tag, job=job, checked_at=self.ledger.clock(), misses=0, problem=None)

    def _check_account(self, entry: Entry) -> None:
        """Raises SettingsError: another account's key does not find it, which says nothing of the job."""
        if entry.account != self.connection.account:
            raise SettingsError(
                f"{entry.id} was begun with another address or key of {self.connection.place.title}, and these do not "
                "find it: set those again."
            )

    def _missed(self, entry: Entry) -> Entry:
        misses = entry.misses + 1
        if misses < MISSES:
            return self.ledger.change(entry.tag, misses=misses, checked_at=self.ledger.clock())
        return self.ledger.change(
            entry.tag,
            misses=misses,
            state="lost",
            checked_at=self.ledger.clock(),
            problem=f"{self.connection.place.title} does not know this job any more; `python -m app finetune again "
            f"{entry.tag}` trains the same data anew.",
        )

    def _events(self, entry: Entry) -> None:
        """Newest first, as the place lists them, back to the first that is known; then all at once."""
        from openai import omit

        known, fresh = self.ledger.known_events(entry.tag), list[dict[str, Any]]()
        list_events = self.connection.client.fine_tuning.jobs.list_events
        remote_id = entry.remote_id or ""
        with self.connection.asking(f"the events of {remote_id}"):
            for page in pages(lambda after: list_events(remote_id, limit=100, after=after or omit)):
                read = [one for raw in page if (one := event(raw)) is not None]
                unseen = [one for one in read if one["id"] not in known]
                fresh += unseen
                if len(unseen) < len(read):
                    break
        if fresh:
            # Newest first is what the list promises; where one does not keep to it, the time decides.
            fresh.reverse()
            self.ledger.add_events(entry.tag, sorted(fresh, key=lambda one: float(one["created_at"])))

    def checkpoints(self, remote_id: str) -> list[SeenCheckpoint]:
        """The newest first."""
        from openai import omit

        list_checkpoints = self.connection.client.fine_tuning.jobs.checkpoints.list
        with self.connection.asking(f"the checkpoints of {remote_id}"):
            found = [
                checkpoint(raw)
                for page in pages(lambda after: list_checkpoints(remote_id, limit=100, after=after or omit))
                for raw in page
            ]
        return [one for one in found if one is not None]


def watch(
    watcher: Watcher,
    entry: Entry,
    *,
    after: int,
    sleep: Callable[[float], None],
    chance: Callable[[], float],
) -> Iterator[Update]:
    """Every event past `after`, then each look that brought something, until the job has ended. Ends also where the
    job waits for a person: paused, or for approval. Raises ProviderError where the key is refused.
    """
    first, longest = watcher.connection.place.seconds
    interval, said = Interval(first, longest, chance), None
    while True:
        note, before = None, entry
        try:
            entry = watcher.look(entry)
        except GroundtuneError as error:
            if not _passing(error):
                raise
            note = str(error)
        seen = view(entry, entry.job, place=entry.place)
        events = tuple(watcher.ledger.events(entry.tag, after=after))
        after = events[-1].sequence if events else after
        news = bool(events) or entry.job != before.job or entry.state != before.state
        if news or note != said or said is None:
            yield Update(job=seen, events=events, note=note if note != said else None)
        said = note or ""
        if seen.ended or seen.status == "paused" or seen.waits_for_approval:
            return
        sleep(interval.next(news=news))


def _passing(error: GroundtuneError) -> bool:
    if isinstance(error, TuningBusyError):  # this machine's own store, or the ledger, which others write too
        return True
    status = getattr(error.__cause__, "status_code", None)
    return isinstance(error, ProviderError) and status not in _NO_USE
