"""Models that were trained here and can be asked: the results of jobs, and their checkpoints."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path

from errors import TuningNotFoundError, TuningStateError
from finetune.jobs.record import TunedModel
from finetune.jobs.rows import MODEL, as_json, as_model
from finetune.jobs.states import TERMINAL
from loaders.database import Database

__all__ = ["ModelTable"]


class ModelTable:
    """`folder`: where results lie, one folder a job; a checkpoint's files stay with its job."""

    def __init__(self, database: Callable[[], Database], folder: Path) -> None:
        self._database = database
        self.folder = folder
        self._jobs = folder.parent / "jobs"

    def add(self, model: TunedModel) -> None:
        """Replaces one of the same name, so that a worker that was interrupted may say it again."""
        with self._database().write() as rows:
            (place,) = rows.execute("SELECT coalesce(max(place), 0) + 1 FROM models").fetchone()
            rows.execute("DELETE FROM models WHERE id = ?", (model.id,))
            rows.execute(
                "INSERT INTO models VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
                (model.id, place, model.job_id, model.base, model.trainer, model.folder, model.created_at,
                 model.step, as_json(dict(model.facts))),
            )  # fmt: skip

    def get(self, model_id: str) -> TunedModel:
        """Raises TuningNotFoundError naming those that exist."""
        with self._database().read() as rows:
            found = rows.execute(f"SELECT {MODEL} FROM models WHERE id = ?", (model_id,)).fetchone()
        if found is None:
            there = ", ".join(one.id for one in self.list() if one.step is None)
            exist = f"there are: {there}" if there else "none was trained here yet"
            raise TuningNotFoundError(f"No tuned model is called {model_id!r}: {exist}.")
        return as_model(found)

    def list(self, *, job_id: str | None = None) -> tuple[TunedModel, ...]:
        """The newest first, results before the checkpoints of their job."""
        with self._database().read() as rows:
            found = rows.execute(
                f"SELECT {MODEL} FROM models WHERE (? IS NULL OR job = ?) "
                "ORDER BY created_at DESC, step IS NOT NULL, step DESC, place DESC",
                (job_id, job_id),
            )
            return tuple(map(as_model, found.fetchall()))

    def delete(self, model_id: str, *, keep_checkpoints: bool = False) -> None:
        """For good, with its files; a result takes its job's checkpoints with it, unless they are kept.

        Raises TuningNotFoundError, TuningStateError for a checkpoint from which its job may still go on.
        """
        model = self.get(model_id)
        with self._database().write() as rows:
            alone = model.step is not None or keep_checkpoints
            doomed = [model] if alone else list(_of_job(rows, model.job_id))
            if model.step is not None:
                _check_unused(rows, model)
            for one in doomed:
                rows.execute("DELETE FROM models WHERE id = ?", (one.id,))
                rows.execute("DELETE FROM checkpoints WHERE model = ?", (one.id,))
        for one in doomed:
            self._remove(Path(one.folder))

    def _remove(self, folder: Path) -> None:
        """A folder of ours: a job's result, or a checkpoint."""
        place = folder.parent
        if place == self.folder or (place.name == "checkpoints" and place.is_relative_to(self._jobs)):
            shutil.rmtree(folder, ignore_errors=True)


def _of_job(rows: sqlite3.Connection, job_id: str) -> Iterator[TunedModel]:
    return map(as_model, rows.execute(f"SELECT {MODEL} FROM models WHERE job = ?", (job_id,)).fetchall())


def _check_unused(rows: sqlite3.Connection, model: TunedModel) -> None:
    """One that is recorded no longer was given up by its own job."""
    found = rows.execute(
        "SELECT state FROM jobs JOIN checkpoints ON job = jobs.id WHERE checkpoints.model = ?", (model.id,)
    ).fetchone()
    if found is not None and found[0] not in TERMINAL:
        raise TuningStateError(
            f"{model.job_id} is {found[0].replace('_', ' ')} and may go on from {model.id!r}: cancel the job first."
        )
