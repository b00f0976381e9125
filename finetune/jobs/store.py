"""Everything that fine-tuning keeps on this machine, in one folder.

    store = TuningStore(folder)
    job, new = store.jobs.create(JobRequest(model="responder", training_file=file.id))

    FOLDER/tuning.db         files, jobs, events, leases, checkpoints, models, bases (SQLite, write-ahead log)
    FOLDER/files/file-...    uploaded bytes; uploads/ID/PART until an upload in parts is complete
    FOLDER/jobs/ID/          task.json, worker.log, checkpoints/step-N with manifest.json
    FOLDER/models/ID/        a job's result

What was answered to a client is on disk before it is answered. docs/jobs.md has the states and what always holds.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from pathlib import Path

from errors import TuningError
from finetune.jobs.base_table import BaseTable
from finetune.jobs.checkpoints import CheckpointTable
from finetune.jobs.files import FileTable
from finetune.jobs.job_table import JobTable
from finetune.jobs.leases import LeaseTable
from finetune.jobs.models import ModelTable
from finetune.jobs.paging import Page
from finetune.jobs.schema import TUNING
from finetune.jobs.transitions import Lease
from finetune.jobs.uploads import UploadTable
from loaders.database import Database

__all__ = ["Lease", "Page", "TuningStore"]


class TuningStore:
    """Thread-safe; several processes may use the same folder. Made at the first use."""

    def __init__(
        self, root: Path, *, clock: Callable[[], float] = time.time, base_models: Path | None = None
    ) -> None:
        self.root = root
        self._lock = threading.Lock()
        self._opened: Database | None = None
        self.jobs = JobTable(self._database, clock, root / "jobs")
        self.leases = LeaseTable(self._database, clock)
        self.checkpoints = CheckpointTable(self._database, clock, root)
        self.files = FileTable(self._database, clock, root / "files")
        self.uploads = UploadTable(self._database, clock, root / "uploads", self.files)
        self.models = ModelTable(self._database, root / "models")
        self.bases = BaseTable(self._database, clock, base_models)

    def job_folder(self, job_id: str) -> Path:
        return self.root / "jobs" / job_id

    def close(self) -> None:
        with self._lock:
            if self._opened is not None:
                self._opened.close()
            self._opened = None

    def _database(self) -> Database:
        with self._lock:
            if self._opened is None:
                try:
                    self.root.mkdir(mode=0o700, parents=True, exist_ok=True)
                except OSError as error:
                    raise TuningError(
                        f"{str(self.root)!r} cannot be written ({error.strerror}): check GROUNDTUNE_HOME."
                    ) from error
                self._opened = Database(self.root / "tuning.db", create=True, kind=TUNING)
            return self._opened
