"""The tables of tuning.db: files, jobs with their events, leases and checkpoints, tuned models, bases."""

from __future__ import annotations

from errors import TuningBusyError, TuningError, TuningNotFoundError
from loaders.database import FileKind
from loaders.schema import Migrations

__all__ = ["STEPS", "TUNING"]

# Times are seconds since 1970. JSON columns hold what only Groundtune knows. `fence` only grows: a worker whose number
# is not the job's any more has lost it, whatever it still believes. `events` counts the job's events, so that a
# sequence has no gaps: event and job change in one transaction, or neither does.
_FIRST = """
CREATE TABLE files (
  id TEXT PRIMARY KEY, filename TEXT NOT NULL, purpose TEXT NOT NULL, bytes INTEGER NOT NULL, sha256 TEXT NOT NULL,
  created_at REAL NOT NULL, expires_at REAL, place INTEGER NOT NULL UNIQUE) STRICT, WITHOUT ROWID;

CREATE TABLE uploads (
  id TEXT PRIMARY KEY, filename TEXT NOT NULL, purpose TEXT NOT NULL, bytes INTEGER NOT NULL,
  mime_type TEXT NOT NULL, state TEXT NOT NULL, created_at REAL NOT NULL, expires_at REAL NOT NULL,
  file TEXT, file_seconds INTEGER) STRICT, WITHOUT ROWID;
CREATE TABLE parts (
  id TEXT PRIMARY KEY, upload TEXT NOT NULL REFERENCES uploads ON DELETE CASCADE, bytes INTEGER NOT NULL,
  created_at REAL NOT NULL) STRICT, WITHOUT ROWID;

CREATE TABLE jobs (
  id TEXT PRIMARY KEY, place INTEGER NOT NULL UNIQUE, request TEXT NOT NULL, request_sha256 TEXT NOT NULL,
  key TEXT UNIQUE, state TEXT NOT NULL, version INTEGER NOT NULL, seed INTEGER NOT NULL, created_at REAL NOT NULL,
  changed_at REAL NOT NULL, finished_at REAL, estimated_finish REAL, trained_tokens INTEGER, fine_tuned_model TEXT,
  result_files TEXT NOT NULL, error TEXT, attempts INTEGER NOT NULL, wanted TEXT, facts TEXT NOT NULL,
  events INTEGER NOT NULL, fence INTEGER NOT NULL, owner TEXT, pid INTEGER, lease_until REAL) STRICT, WITHOUT ROWID;
CREATE INDEX jobs_by_state ON jobs (state, place);
CREATE INDEX jobs_by_request ON jobs (request_sha256, created_at);

CREATE TABLE events (
  job TEXT NOT NULL REFERENCES jobs ON DELETE CASCADE, sequence INTEGER NOT NULL, id TEXT NOT NULL UNIQUE,
  created_at REAL NOT NULL, level TEXT NOT NULL, message TEXT NOT NULL, type TEXT NOT NULL, data TEXT NOT NULL,
  PRIMARY KEY (job, sequence)) STRICT, WITHOUT ROWID;

CREATE TABLE checkpoints (
  id TEXT PRIMARY KEY, job TEXT NOT NULL REFERENCES jobs ON DELETE CASCADE, step INTEGER NOT NULL,
  epoch REAL NOT NULL, created_at REAL NOT NULL, model TEXT NOT NULL, folder TEXT NOT NULL, metrics TEXT NOT NULL,
  manifest_sha256 TEXT NOT NULL, UNIQUE (job, step)) STRICT, WITHOUT ROWID;

CREATE TABLE models (
  id TEXT PRIMARY KEY, place INTEGER NOT NULL UNIQUE, job TEXT NOT NULL, base TEXT NOT NULL, trainer TEXT NOT NULL,
  folder TEXT NOT NULL, created_at REAL NOT NULL, step INTEGER, facts TEXT NOT NULL) STRICT, WITHOUT ROWID;

CREATE TABLE bases (name TEXT PRIMARY KEY, path TEXT NOT NULL, registered_at REAL NOT NULL) STRICT, WITHOUT ROWID
"""

STEPS: Migrations = (("first tables", _FIRST),)
TUNING = FileKind(
    noun="store of fine-tuning jobs",
    steps=STEPS,
    failed=TuningError,
    missing=TuningNotFoundError,
    busy=TuningBusyError,
    damaged=TuningError,
    repair="or restore it from a copy",
)
