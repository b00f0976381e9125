"""Rows of tuning.db as the records of finetune.jobs.record, and back."""

from __future__ import annotations

import hashlib
import json
import sqlite3
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from finetune.jobs.record import Checkpoint, Event, Job, JobError, JobRequest, StoredFile, TunedModel

__all__ = [
    "as_checkpoint",
    "as_event",
    "as_file",
    "as_job",
    "as_json",
    "as_model",
    "request_json",
    "request_sha256",
]

JOB = (
    "id, request, state, version, seed, created_at, changed_at, finished_at, estimated_finish, trained_tokens, "
    "fine_tuned_model, result_files, error, attempts, wanted, facts"
)
EVENT = "id, sequence, created_at, level, message, type, data"
CHECKPOINT = "id, job, step, epoch, created_at, model, folder, metrics"
MODEL = "id, job, base, trainer, folder, created_at, step, facts"
FILE = "id, filename, purpose, bytes, sha256, created_at, expires_at"


def as_json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, allow_nan=False, sort_keys=True)


def request_json(request: JobRequest) -> str:
    return as_json(_plain(asdict(request)))


def request_sha256(request: JobRequest) -> str:
    """Equal requests have equal hashes, whatever the order of their fields."""
    return hashlib.sha256(request_json(request).encode()).hexdigest()


def as_job(row: sqlite3.Row | tuple[Any, ...]) -> Job:
    return Job(
        id=row[0],
        request=JobRequest(**json.loads(row[1])),
        state=row[2],
        version=row[3],
        seed=row[4],
        created_at=row[5],
        changed_at=row[6],
        finished_at=row[7],
        estimated_finish=row[8],
        trained_tokens=row[9],
        fine_tuned_model=row[10],
        result_files=tuple(json.loads(row[11])),
        error=JobError(**json.loads(row[12])) if row[12] else None,
        attempts=row[13],
        wanted=row[14],
        facts=json.loads(row[15]),
    )


def as_event(row: sqlite3.Row | tuple[Any, ...]) -> Event:
    return Event(
        id=row[0],
        sequence=row[1],
        created_at=row[2],
        level=row[3],
        message=row[4],
        type=row[5],
        data=json.loads(row[6]),
    )


def as_checkpoint(row: sqlite3.Row | tuple[Any, ...]) -> Checkpoint:
    return Checkpoint(
        id=row[0],
        job_id=row[1],
        step=row[2],
        epoch=row[3],
        created_at=row[4],
        model=row[5],
        folder=row[6],
        metrics=json.loads(row[7]),
    )


def as_model(row: sqlite3.Row | tuple[Any, ...]) -> TunedModel:
    return TunedModel(
        id=row[0],
        job_id=row[1],
        base=row[2],
        trainer=row[3],
        folder=row[4],
        created_at=row[5],
        step=row[6],
        facts=json.loads(row[7]),
    )


def as_file(row: sqlite3.Row | tuple[Any, ...]) -> StoredFile:
    return StoredFile(
        id=row[0],
        filename=row[1],
        purpose=row[2],
        bytes=row[3],
        sha256=row[4],
        created_at=row[5],
        expires_at=row[6],
    )


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(name): _plain(one) for name, one in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(one) for one in value]
    return value
