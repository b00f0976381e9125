"""Evaluation runs on disk: one SQLite file with every run, every outcome, and an answer cache across runs.

    store = RunStore(folder)
    run = store.begin(facts);  store.put(run.id, outcome);  store.outcomes(run.id);  store.cached(key)

An outcome is committed as soon as it is there: a run that was stopped or killed goes on where it was. One process at
a time goes on with a run: two would ask, and pay, everything twice.
"""

from __future__ import annotations

import json
import secrets
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal, get_args

from chains.restoring import record, restored
from errors import EvaluationBusyError, EvaluationError, EvaluationNotFoundError
from evaluation.outcomes import Outcome
from finetune.jobs.lock_file import LockFile
from loaders.database import Database, FileKind
from loaders.jsonl import well_formed
from loaders.schema import Migrations

__all__ = ["Run", "RunState", "RunStore"]

RunState = Literal["running", "done", "stopped", "out of budget"]
LOCK_TRIES, LOCK_PAUSE_S = 20, 0.05  # whoever lists the runs holds each lock for a moment
_TABLES = """
CREATE TABLE runs (
  id TEXT PRIMARY KEY, created_at REAL NOT NULL, changed_at REAL NOT NULL, state TEXT NOT NULL,
  facts TEXT NOT NULL) STRICT, WITHOUT ROWID;
CREATE TABLE outcomes (
  run TEXT NOT NULL REFERENCES runs ON DELETE CASCADE, question TEXT NOT NULL, mode TEXT NOT NULL,
  key TEXT NOT NULL, error INTEGER NOT NULL, outcome TEXT NOT NULL, PRIMARY KEY (run, question, mode)) STRICT;
CREATE INDEX outcomes_by_key ON outcomes (key) WHERE error = 0
"""
_STEPS: Migrations = (("first tables", _TABLES),)
_KIND = FileKind(
    noun="store of evaluations",
    steps=_STEPS,
    failed=EvaluationError,
    missing=EvaluationNotFoundError,
    busy=EvaluationBusyError,
    damaged=EvaluationError,
    repair="or restore it from a copy",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    id: str
    created_at: float  # seconds since 1970
    changed_at: float
    state: RunState
    facts: Mapping[str, Any]  # question set, modes, models, knowledge base: what it takes to run it again


class RunStore:
    """All runs of a folder. Thread-safe; several processes may use it."""

    def __init__(self, folder: Path, *, clock: Callable[[], float] = time.time) -> None:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._database = Database(folder / "evaluations.db", create=True, kind=_KIND)
        self._locks = folder / "locks"
        self._clock = clock

    def begin(self, facts: Mapping[str, Any]) -> Run:
        now = self._clock()
        run = Run(
            id=f"run-{secrets.token_hex(5)}", created_at=now, changed_at=now, state="running", facts=facts
        )
        with self._database.write() as rows:
            rows.execute(
                "INSERT INTO runs VALUES (?, ?, ?, ?, ?)",
                (run.id, now, now, run.state, json.dumps(record(facts), allow_nan=False)),
            )
        return run

    def run(self, name: str) -> Run:
        """By its id, or the beginning of it. Raises EvaluationNotFoundError."""
        with self._database.read() as rows:
            found = rows.execute(
                "SELECT * FROM runs WHERE substr(id, 1, ?) = ? LIMIT 2", (len(name), name)
            ).fetchall()
        if len(found) != 1 or not name:
            raise EvaluationNotFoundError(
                f"There is no single evaluation run {name!r}: python -m app evaluate runs lists them."
            )
        return self._as_it_is(found[0])

    def runs(self) -> list[Run]:
        """The newest first."""
        with self._database.read() as rows:
            found = rows.execute("SELECT * FROM runs ORDER BY created_at DESC, id").fetchall()
        return [self._as_it_is(one) for one in found]

    def _as_it_is(self, row: tuple[Any, ...]) -> Run:
        """A run whose process was killed is stopped, whatever it left in its row."""
        run = _run(row)
        if run.state == "running" and not self._lock(run.id).is_held():
            return replace(run, state="stopped")
        return run

    def _lock(self, run_id: str) -> LockFile:
        return LockFile(self._locks / f"{run_id}.lock")

    @contextmanager
    def held(self, run_id: str) -> Iterator[None]:
        """This run is gone on with here and nowhere else meanwhile. Raises EvaluationBusyError where it is."""
        lock = self._lock(run_id)
        for _ in range(LOCK_TRIES):
            if lock.take():
                break
            time.sleep(LOCK_PAUSE_S)
        else:
            raise EvaluationBusyError(
                f"{run_id} is under way in process {lock.holder() or 'unknown'}: wait for its end, or stop it there."
            )
        try:
            yield
        finally:
            lock.release()

    def resume(self, run: Run) -> Run:
        """It is under way again."""
        return self.finish(run, "running")

    def finish(self, run: Run, state: RunState) -> Run:
        now = self._clock()
        with self._database.write() as rows:
            rows.execute("UPDATE runs SET state = ?, changed_at = ? WHERE id = ?", (state, now, run.id))
        return replace(run, state=state, changed_at=now)

    def describe(self, run: Run, facts: Mapping[str, Any]) -> Run:
        """What became known of it while it ran."""
        with self._database.write() as rows:
            rows.execute(
                "UPDATE runs SET facts = ? WHERE id = ?", (json.dumps(record(facts), allow_nan=False), run.id)
            )
        return replace(run, facts=facts)

    def put(self, run_id: str, outcome: Outcome) -> None:
        """Replaces the outcome of the same question in the same mode: an error may be tried again."""
        text = well_formed(json.dumps(record(outcome), ensure_ascii=False, allow_nan=False))
        values = (run_id, outcome.question, outcome.mode, outcome.key, outcome.verdict == "error", text)
        with self._database.write() as rows:
            rows.execute("INSERT OR REPLACE INTO outcomes VALUES (?, ?, ?, ?, ?, ?)", values)
            rows.execute("UPDATE runs SET changed_at = ? WHERE id = ?", (self._clock(), run_id))

    def outcomes(self, run_id: str) -> list[Outcome]:
        with self._database.read() as rows:
            found = rows.execute("SELECT outcome FROM outcomes WHERE run = ? ORDER BY rowid", (run_id,))
            return [restored(Outcome, json.loads(text)) for (text,) in found]

    def cached(self, key: str) -> Outcome | None:
        """The newest answer to the same question by the same model, prompt and documents, of any run.

        `key`: a whole one, or its beginning (hexadecimal).
        """
        with self._database.read() as rows:
            found = rows.execute(
                "SELECT outcome FROM outcomes WHERE key >= ? AND key < ? AND error = 0 ORDER BY rowid DESC LIMIT 1",
                (key, f"{key}g"),
            ).fetchone()
        return restored(Outcome, json.loads(found[0])) if found else None

    def remove(self, run_id: str) -> None:
        """Raises EvaluationBusyError for one that is under way."""
        with self.held(run_id), self._database.write() as rows:
            rows.execute("DELETE FROM outcomes WHERE run = ?", (run_id,))
            rows.execute("DELETE FROM runs WHERE id = ?", (run_id,))
        (self._locks / f"{run_id}.lock").unlink(missing_ok=True)
        self._database.empty_log()

    def close(self) -> None:
        self._database.close()


def _run(row: tuple[Any, ...]) -> Run:
    name, created_at, changed_at, state, facts = row
    assert state in get_args(RunState)
    return Run(id=name, created_at=created_at, changed_at=changed_at, state=state, facts=json.loads(facts))
