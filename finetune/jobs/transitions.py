"""Moves of a job: state, version and event change in one transaction, or nothing does.

Every function here works inside a transaction that its caller opened.
"""

from __future__ import annotations

import secrets
import sqlite3
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from errors import LeaseLostError, TuningBusyError, TuningNotFoundError, TuningStateError
from finetune.jobs.record import EventType, Job, JobError, Level
from finetune.jobs.rows import JOB, as_job, as_json
from finetune.jobs.states import LEASED, STATES, TERMINAL, State, check_move

__all__ = ["Lease", "add_event", "changed", "held", "moved", "read_job"]

_PLAIN = {"estimated_finish", "trained_tokens", "fine_tuned_model", "finished_at", "attempts", "wanted"}
_JSON = {"result_files", "facts", "error"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Lease:
    """The right to write a job: whoever holds a smaller fence than the job's has lost it."""

    job_id: str
    owner: str
    fence: int
    until: float  # seconds since 1970


def read_job(rows: sqlite3.Connection, job_id: str) -> Job:
    found = rows.execute(f"SELECT {JOB} FROM jobs WHERE id = ?", (job_id,)).fetchone()
    if found is None:
        raise TuningNotFoundError(f"There is no fine-tuning job {job_id!r}.")
    return as_job(found)


def held(rows: sqlite3.Connection, lease: Lease) -> None:
    """Raises LeaseLostError where the lease has passed to another, or was taken back."""
    found = rows.execute("SELECT fence, owner FROM jobs WHERE id = ?", (lease.job_id,)).fetchone()
    if found is None or found[0] != lease.fence or found[1] != lease.owner:
        raise LeaseLostError(f"The lease on {lease.job_id} was lost: another process has taken the job over.")


def moved(
    rows: sqlite3.Connection,
    job_id: str,
    to: State,
    *,
    now: float,
    version: int | None = None,
    event: str | None = None,
    level: Level = "info",
    changes: Mapping[str, Any],
) -> Job:
    """Raises TuningStateError where the table forbids it, TuningBusyError where `version` is not the job's any more."""
    job = read_job(rows, job_id)
    if version is not None and version != job.version:
        raise TuningBusyError(f"{job_id} changed meanwhile: look at it again.")
    check_move(job.state, to)
    told: dict[str, Any] = {"state": to, **changes}
    if to in TERMINAL:
        told = {"finished_at": now, **told}
    if to not in ("pausing", "cancelling"):
        told = {"wanted": None, **told}
    _write(rows, job, told, now)
    if to not in LEASED and to != "cancelling":
        _free(rows, job_id)
    if event is not None:
        add_event(rows, job_id, now=now, message=event, level=level)
    return read_job(rows, job_id)


def changed(rows: sqlite3.Connection, job_id: str, changes: Mapping[str, Any], *, now: float) -> Job:
    """What is known of a job without a move. Raises TuningStateError once it has ended."""
    job = read_job(rows, job_id)
    if job.state in TERMINAL:
        raise TuningStateError(f"{job_id} has {STATES[job.state].status}: it cannot be changed any more.")
    _write(rows, job, changes, now)
    return read_job(rows, job_id)


def add_event(
    rows: sqlite3.Connection,
    job_id: str,
    *,
    now: float,
    message: str,
    level: Level = "info",
    type: EventType = "message",
    data: Mapping[str, Any] | None = None,
) -> int:
    """Its sequence number: one more than the last, always. A clock that was set back does not turn the order round."""
    rows.execute("UPDATE jobs SET events = events + 1 WHERE id = ?", (job_id,))
    (sequence,) = rows.execute("SELECT events FROM jobs WHERE id = ?", (job_id,)).fetchone()
    (latest,) = rows.execute("SELECT max(created_at) FROM events WHERE job = ?", (job_id,)).fetchone()
    rows.execute(
        "INSERT INTO events VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        (
            job_id,
            sequence,
            f"ftevent-{secrets.token_hex(12)}",
            max(now, latest or now),
            level,
            message,
            type,
            as_json(dict(data or {})),
        ),
    )
    return int(sequence)


def _write(rows: sqlite3.Connection, job: Job, changes: Mapping[str, Any], now: float) -> None:
    values: dict[str, Any] = {"version": job.version + 1, "changed_at": max(now, job.changed_at)}
    for name, value in changes.items():
        if name in _JSON:
            values[name] = _json(job, name, value)
        elif name == "state" or name in _PLAIN:
            values[name] = value
        else:
            raise TypeError(f"a job has no field {name!r} that can be changed")
    columns = ", ".join(f"{name} = ?" for name in values)
    rows.execute(f"UPDATE jobs SET {columns} WHERE id = ?", (*values.values(), job.id))


def _json(job: Job, name: str, value: Any) -> str | None:
    """Facts are added to those that are known; a fact of None is taken out."""
    if name == "facts":
        merged = {**job.facts, **value}
        return as_json({key: one for key, one in merged.items() if one is not None})
    if name == "error":
        return as_json(asdict(value)) if isinstance(value, JobError) else None
    return as_json(list(value))


def _free(rows: sqlite3.Connection, job_id: str) -> None:
    rows.execute("UPDATE jobs SET owner = NULL, pid = NULL, lease_until = NULL WHERE id = ?", (job_id,))
