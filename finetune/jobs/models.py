"""Models that were trained here and can be asked: the results of jobs, and their checkpoints."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

from errors import TuningNotFoundError
from finetune.jobs.record import TunedModel
from finetune.jobs.rows import MODEL, as_json, as_model
from loaders.database import Database

__all__ = ["ModelTable"]


class ModelTable:
    """`folder`: where results lie, one folder a job; a checkpoint's files stay with its job."""

    def __init__(self, database: Callable[[], Database], folder: Path) -> None:
        self._database = database
        self.folder = folder

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

    def delete(self, model_id: str) -> None:
        """For good, a result with its files and its checkpoints' names. Raises TuningNotFoundError."""
        model = self.get(model_id)
        with self._database().write() as rows:
            if model.step is None:
                rows.execute("DELETE FROM models WHERE job = ?", (model.job_id,))
            else:
                rows.execute("DELETE FROM models WHERE id = ?", (model_id,))
        folder = Path(model.folder)
        if folder.is_relative_to(self.folder) and folder != self.folder:
            shutil.rmtree(folder, ignore_errors=True)
