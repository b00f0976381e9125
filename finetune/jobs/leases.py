"""Who may write a job: one worker at a time, for as long as it says that it lives, by a number that only grows."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable

from finetune.jobs.record import Job, JobError
from finetune.jobs.rows import JOB, as_job
from finetune.jobs.states import LEASED
from finetune.jobs.transitions import Lease, held, moved, read_job
from loaders.database import Database

__all__ = ["MOST_ATTEMPTS", "LeaseTable"]

MOST_ATTEMPTS = 3  # times that a worker may be lost before the job fails


class LeaseTable:
    def __init__(self, database: Callable[[], Database], clock: Callable[[], float]) -> None:
        self._database = database
        self._clock = clock

    def take(self, owner: str, *, seconds: float, pid: int | None = None) -> Lease | None:
        """The oldest queued job, which is preparing now; None where nothing waits."""
        now = self._clock()
        with self._database().write() as rows:
            found = rows.execute(
                f"SELECT {JOB} FROM jobs WHERE state = 'queued' ORDER BY place LIMIT 1"
            ).fetchone()
            if found is None:
                return None
            job = as_job(found)
            moved(rows, job.id, "preparing", now=now, event="Preparing to train.", changes={})
            rows.execute(
                "UPDATE jobs SET fence = fence + 1, owner = ?, pid = ?, lease_until = ? WHERE id = ?",
                (owner, pid, now + seconds, job.id),
            )
            (fence,) = rows.execute("SELECT fence FROM jobs WHERE id = ?", (job.id,)).fetchone()
            return Lease(job_id=job.id, owner=owner, fence=fence, until=now + seconds)

    def renew(self, lease: Lease, *, seconds: float, pid: int | None = None) -> Lease:
        """Raises TuningBusyError where it was lost."""
        until = self._clock() + seconds
        with self._database().write() as rows:
            held(rows, lease)
            rows.execute(
                "UPDATE jobs SET lease_until = ?, pid = coalesce(?, pid) WHERE id = ?",
                (until, pid, lease.job_id),
            )
        return Lease(job_id=lease.job_id, owner=lease.owner, fence=lease.fence, until=until)

    def holder(self, job_id: str) -> tuple[Lease, int | None] | None:
        """(the lease, the worker's process id); None where nobody holds the job."""
        with self._database().read() as rows:
            found = rows.execute(
                "SELECT owner, fence, lease_until, pid FROM jobs WHERE id = ? AND owner IS NOT NULL",
                (job_id,),
            ).fetchone()
        if found is None:
            return None
        return Lease(job_id=job_id, owner=found[0], fence=found[1], until=found[2]), found[3]

    def expire(self, now: float | None = None) -> list[Job]:
        """Jobs whose worker has not been heard of in time: queued again, or failed after three losses.

        One that was being cancelled is cancelled. The next worker's fence is larger, so that a worker that was only
        slow is refused from here on.
        """
        now = self._clock() if now is None else now
        with self._database().write() as rows:
            found = rows.execute(
                f"SELECT {JOB} FROM jobs WHERE state IN ({', '.join('?' * (len(LEASED) + 1))}) "
                "AND (lease_until IS NULL OR lease_until < ?) ORDER BY place",
                (*sorted(LEASED), "cancelling", now),
            ).fetchall()
            return [self._lost(rows, as_job(row), now) for row in found]

    def interrupt(self, lease: Lease, why: str) -> Job:
        """The worker is known to be gone: as when its lease had run out, at once. Raises TuningBusyError."""
        with self._database().write() as rows:
            held(rows, lease)
            return self._lost(rows, read_job(rows, lease.job_id), self._clock(), why)

    def _lost(self, rows: sqlite3.Connection, job: Job, now: float, why: str = "") -> Job:
        if job.state == "cancelling":
            return moved(rows, job.id, "cancelled", now=now, event="Cancelled.", changes={})
        told = why or "its process was not heard of any more"
        moved(
            rows, job.id, "interrupted", now=now, event=f"Interrupted: {told}.", level="warn",
            changes={"attempts": job.attempts + 1},
        )  # fmt: skip
        if job.attempts + 1 >= MOST_ATTEMPTS:
            message = f"The training process was lost {job.attempts + 1} times ({told}): see its log, then start anew."
            return moved(
                rows, job.id, "failed", now=now, event=message, level="error",
                changes={"error": JobError(code="worker_lost", message=message, retryable=True)},
            )  # fmt: skip
        return moved(
            rows, job.id, "queued", now=now, event="Queued again, from the last checkpoint.", changes={}
        )
