"""One of several that want the same jobs: python -m tests.finetune.jobs.rivals ROOT COUNT. Says which ones it got."""

from __future__ import annotations

import contextlib
import sys
from pathlib import Path

from errors import TuningBusyError, TuningStateError
from finetune.jobs.record import JobRequest
from finetune.jobs.store import TuningStore

if __name__ == "__main__":
    store = TuningStore(Path(sys.argv[1]))
    for number in range(int(sys.argv[2])):
        made, _ = store.jobs.create(
            JobRequest(model="responder", training_file="file-1"), key=f"key {number}"
        )
        with contextlib.suppress(TuningBusyError, TuningStateError):  # another was faster
            store.jobs.move(made.id, "queued", version=1, event="Queued.")
        lease = store.leases.take(f"rival {number}", seconds=600)
        if lease is not None:
            sys.stdout.write(f"{lease.job_id}\n")
    while (lease := store.leases.take("rival", seconds=600)) is not None:
        sys.stdout.write(f"{lease.job_id}\n")
