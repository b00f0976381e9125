"""Fine-tuning jobs as they are kept: created once, moved by the table of states, told as events without gaps."""

from __future__ import annotations

import secrets
import shutil
import sqlite3
from collections.abc import Callable, Mapping
from itertools import islice
from pathlib import Path
from typing import Any, Literal

from errors import TuningConflictError, TuningNotFoundError, TuningStateError
from finetune.jobs.paging import Page, page_of
from finetune.jobs.record import Event, EventType, Job, JobRequest, Level
from finetune.jobs.rows import EVENT, JOB, as_event, as_job, request_json, request_sha256
from finetune.jobs.states import LEASED, STATES, TERMINAL, State
from finetune.jobs.transitions import Lease, add_event, changed, held, moved, read_job
from loaders.database import Database

__all__ = ["JobTable"]

SAME_REQUEST_S = 600  # a repeated request is taken for the same job within this time
Wish = Literal["pause", "cancel", "resume"]


class JobTable:
    """Thread-safe; several processes may use the same file. `folder`: of the jobs' own folders."""

    def __init__(self, database: Callable[[], Database], clock: Callable[[], float], folder: Path) -> None:
        self._database = database
        self._clock = clock
        self._folder = folder

    def create(
        self, request: JobRequest, *, key: str | None = None, seed: int | None = None, retry: bool = False
    ) -> tuple[Job, bool]:
        """(the job, whether it is new). The same key gives the same job; without one, so does a `retry` of an equal
        request of late, unless somebody knew that job and cancelled it.

        Raises TuningConflictError where the key came with another request.
        """
        sha256, now = request_sha256(request), self._clock()
        with self._database().write() as rows:
            known = _known(rows, key, sha256, now, retry=retry)
            if known is not None:
                return known, False
            job_id = f"ftjob-{secrets.token_hex(12)}"
            (place,) = rows.execute("SELECT coalesce(max(place), 0) + 1 FROM jobs").fetchone()
            wanted = seed if seed is not None else request.seed
            chosen = wanted if wanted is not None else secrets.randbelow(2**31)
            rows.execute(
                "INSERT INTO jobs (id, place, request, request_sha256, key, state, version, seed, created_at, "
                "changed_at, result_files, attempts, facts, events, fence) "
                "VALUES (?, ?, ?, ?, ?, 'validating', 1, ?, ?, ?, '[]', 0, '{}', 0, 0)",
                (job_id, place, request_json(request), sha256, key, chosen, now, now),
            )
            add_event(rows, job_id, now=now, message=f"Created fine-tuning job: {job_id}")
            return read_job(rows, job_id), True

    def get(self, job_id: str) -> Job:
        """Raises TuningNotFoundError."""
        with self._database().read() as rows:
            return read_job(rows, job_id)

    def list(
        self, *, after: str | None = None, limit: int = 20, metadata: Mapping[str, str] | None = None
    ) -> Page[Job]:
        """The newest first. `metadata`: pairs that a job's metadata must hold."""
        with self._database().read() as rows:
            place = _place(rows, after)
            found = rows.execute(f"SELECT {JOB} FROM jobs WHERE place < ? ORDER BY place DESC", (place,))
            wanted = (metadata or {}).items()
            jobs = (job for row in found if wanted <= (job := as_job(row)).request.metadata.items())
            return page_of(list(islice(jobs, limit + 1)), limit)

    def in_states(self, *states: State) -> tuple[Job, ...]:
        """The oldest first."""
        marks = ", ".join("?" * len(states))
        with self._database().read() as rows:
            found = rows.execute(f"SELECT {JOB} FROM jobs WHERE state IN ({marks}) ORDER BY place", states)
            return tuple(map(as_job, found.fetchall()))

    def position(self, job_id: str) -> int | None:
        """How many wait before it; None where it does not wait."""
        with self._database().read() as rows:
            if read_job(rows, job_id).state != "queued":
                return None
            (count,) = rows.execute(
                "SELECT count(*) FROM jobs WHERE state = 'queued' AND place < "
                "(SELECT place FROM jobs WHERE id = ?)",
                (job_id,),
            ).fetchone()
            return int(count)

    # --- changing ---------------------------------------------------------------------------------

    def move(
        self,
        job_id: str,
        to: State,
        *,
        version: int | None = None,
        lease: Lease | None = None,
        event: str | None = None,
        level: Level = "info",
        **changes: Any,
    ) -> Job:
        """State, changes and event together, or nothing.

        Raises TuningStateError where the table forbids it, TuningBusyError where the version or the lease is stale.
        """
        now = self._clock()
        with self._database().write() as rows:
            if lease is not None:
                held(rows, lease)
            return moved(
                rows, job_id, to, now=now, version=version, event=event, level=level, changes=changes
            )

    def change(self, job_id: str, *, lease: Lease | None = None, **changes: Any) -> Job:
        """What is known of it, without a move; `facts` are added. Raises TuningStateError once it has ended."""
        with self._database().write() as rows:
            if lease is not None:
                held(rows, lease)
            return changed(rows, job_id, changes, now=self._clock())

    def note(
        self,
        job_id: str,
        message: str,
        *,
        lease: Lease | None = None,
        level: Level = "info",
        type: EventType = "message",
        data: Mapping[str, Any] | None = None,
    ) -> int:
        """An event alone; its sequence number. Raises TuningBusyError where the lease was lost."""
        with self._database().write() as rows:
            if lease is not None:
                held(rows, lease)
            _check_open(read_job(rows, job_id))
            return add_event(
                rows, job_id, now=self._clock(), message=message, level=level, type=type, data=data
            )

    def ask(self, job_id: str, wish: Wish) -> Job:
        """Pause, cancel or go on: asked again, nothing more happens.

        A waiting job obeys at once; a working one is pausing or cancelling until its worker has obeyed. To go on with a
        job that waits for approval is to approve it. Raises TuningStateError (code "invalid_job_state" on the wire)
        where the job is past it.
        """
        with self._database().write() as rows:
            job = read_job(rows, job_id)
            to = _obeyed(job, wish)
            if to is None:
                return job
            changes: dict[str, Any] = {"wanted": wish} if to in ("pausing", "cancelling") else {}
            if job.state == "awaiting_approval" and wish == "resume":
                changes["facts"] = {"accepted": True, "reason": None}
            return moved(rows, job_id, to, now=self._clock(), event=_SAID[wish, to], changes=changes)

    def delete(self, job_id: str) -> None:
        """One that has ended, with its events, its log and its checkpoints; its result stays a model.

        Raises TuningStateError where it has not ended.
        """
        with self._database().write() as rows:
            job = read_job(rows, job_id)
            if job.state not in TERMINAL:
                raise TuningStateError(
                    f"{job_id} is {STATES[job.state].status}: cancel it before it is deleted."
                )
            rows.execute("DELETE FROM models WHERE job = ? AND step IS NOT NULL", (job_id,))
            rows.execute("DELETE FROM jobs WHERE id = ?", (job_id,))
        shutil.rmtree(self._folder / job_id, ignore_errors=True)

    # --- events -----------------------------------------------------------------------------------

    def events(self, job_id: str, *, after: str | None = None, limit: int = 20) -> Page[Event]:
        """The newest first, as OpenAI has them. `after`: the id of the last one that was seen."""
        with self._database().read() as rows:
            read_job(rows, job_id)
            before = _sequence(rows, job_id, after)
            found = rows.execute(
                f"SELECT {EVENT} FROM events WHERE job = ? AND sequence < ? ORDER BY sequence DESC LIMIT ?",
                (job_id, before, limit + 1),
            )
            return page_of(list(map(as_event, found)), limit)

    def events_since(self, job_id: str, sequence: int, limit: int = 1000) -> tuple[Event, ...]:
        """Those after this number, the oldest first: what a watcher has not seen yet."""
        with self._database().read() as rows:
            read_job(rows, job_id)
            found = rows.execute(
                f"SELECT {EVENT} FROM events WHERE job = ? AND sequence > ? ORDER BY sequence LIMIT ?",
                (job_id, sequence, limit),
            )
            return tuple(map(as_event, found))


_AT_ONCE: Mapping[Wish, frozenset[State]] = {
    "cancel": frozenset({"validating", "awaiting_approval", "queued", "paused", "interrupted"}),
    "pause": frozenset({"queued"}),
    "resume": frozenset({"paused", "awaiting_approval"}),
}
_BY_WORKER: Mapping[Wish, frozenset[State]] = {
    "cancel": LEASED | {"submitting"},
    "pause": frozenset({"preparing", "running"}),
    "resume": frozenset(),
}
_ALREADY: Mapping[Wish, frozenset[State]] = {
    "cancel": frozenset({"cancelling"}),
    "pause": frozenset({"pausing", "paused"}),
    "resume": frozenset({"validating", "queued", "submitting", "preparing", "running", "interrupted"}),
}
_THEN: Mapping[Wish, tuple[State, State]] = {
    "cancel": ("cancelled", "cancelling"),
    "pause": ("paused", "pausing"),
    "resume": ("queued", "queued"),
}
_SAID: Mapping[tuple[Wish, State], str] = {
    ("cancel", "cancelled"): "Cancelled before it was trained.",
    ("cancel", "cancelling"): "Cancelling.",
    ("pause", "paused"): "Paused while it waited.",
    ("pause", "pausing"): "Pausing: the step under way is finished and saved.",
    ("resume", "queued"): "Queued again.",
}


_LATER: Mapping[tuple[Wish, State], str] = {
    ("pause", "validating"): "pause it in a moment, when it waits for its turn",
    ("pause", "submitting"): "pause it in a moment, when it is at its place",
    ("pause", "interrupted"): "pause it in a moment, when it waits for its turn again",
    ("pause", "awaiting_approval"): "it stands still already; resume accepts it, cancel ends it",
    ("resume", "pausing"): "resume it once it is paused",
}


def _obeyed(job: Job, wish: Wish) -> State | None:
    """Where the wish leads from here; None: it is so already. Raises TuningStateError."""
    at_once, by_worker = _THEN[wish]
    if job.state in _AT_ONCE[wish]:
        return at_once
    if job.state in _BY_WORKER[wish]:
        return by_worker
    if job.state in _ALREADY[wish]:
        return None
    then = _LATER.get((wish, job.state), f"it cannot {wish} any more")
    raise TuningStateError(f"{job.id} is {job.state.replace('_', ' ')}: {then}.")


def _known(rows: sqlite3.Connection, key: str | None, sha256: str, now: float, *, retry: bool) -> Job | None:
    """The job that this request has made already. Raises TuningConflictError."""
    if key is not None:
        found = rows.execute(f"SELECT request_sha256, {JOB} FROM jobs WHERE key = ?", (key,)).fetchone()
        if found and found[0] != sha256:
            raise TuningConflictError(
                f"The idempotency key {key!r} was used for another job: give each job a key of its own."
            )
        return as_job(found[1:]) if found else None
    if not retry:
        return None
    found = rows.execute(
        f"SELECT {JOB} FROM jobs WHERE request_sha256 = ? AND created_at >= ? "
        "AND state NOT IN ('cancelling', 'cancelled') ORDER BY place DESC LIMIT 1",
        (sha256, now - SAME_REQUEST_S),
    ).fetchone()
    return as_job(found) if found else None


def _check_open(job: Job) -> None:
    if job.state in TERMINAL:
        raise TuningStateError(f"{job.id} has {STATES[job.state].status}: nothing more happens to it.")


def _place(rows: sqlite3.Connection, after: str | None) -> int:
    if after is None:
        return 2**62
    found = rows.execute("SELECT place FROM jobs WHERE id = ?", (after,)).fetchone()
    if found is None:
        raise TuningNotFoundError(f"There is no fine-tuning job {after!r} to go on after.")
    return int(found[0])


def _sequence(rows: sqlite3.Connection, job_id: str, after: str | None) -> int:
    if after is None:
        return 2**62
    found = rows.execute("SELECT sequence FROM events WHERE job = ? AND id = ?", (job_id, after)).fetchone()
    if found is None:
        raise TuningNotFoundError(f"There is no event {after!r} of {job_id} to go on after.")
    return int(found[0])
