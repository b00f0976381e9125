"""One job in a process of its own: python -m finetune.jobs.worker ROOT JOB OWNER FENCE (started by the runner).

    prepare  ->  train  ->  judge what was trained  ->  keep the model, its card and its metrics

It writes under its lease, and dies at once where the lease was lost. What it does not get to write the runner finds
out: a worker that ends without a word was interrupted, and its job goes on from the newest whole checkpoint.
"""

from __future__ import annotations

import errno
import json
import os
import shutil
import sqlite3
import sys
import time
import traceback
from dataclasses import asdict
from pathlib import Path
from typing import Any

from errors import GroundtuneError, LeaseLostError, TrainingFailedError, TuningStateError
from finetune.jobs.configuration import read_config
from finetune.jobs.control import LEASE_S, LOST, Heartbeat, JobControl
from finetune.jobs.outcome import keep_checkpoints, keep_model, take_back
from finetune.jobs.record import ErrorCode, Job, JobError
from finetune.jobs.registry import entry_of, trainer_of
from finetune.jobs.runner import ensure_runner, has_work
from finetune.jobs.store import Lease, TuningStore
from finetune.trainers.contract import Trained, TrainingTask
from finetune.trainers.responder_rows import rows_of, system_message

__all__ = ["main", "task_of"]


def main(arguments: list[str], *, runner: str = "finetune.jobs.runner") -> int:
    """`runner`: the module that goes on with the queue, where the runner that started this process is gone."""
    root, job_id, owner, fence = arguments
    config = read_config(os.environ)
    shelf = Path(config.base_models) if config.base_models else None
    store = TuningStore(Path(root), base_models=shelf)
    lease = Lease(job_id=job_id, owner=owner, fence=int(fence), until=time.time() + LEASE_S)
    try:
        with Heartbeat(store, lease):
            _run(store, lease)
        if has_work(store):
            ensure_runner(store.root, config=config, module=runner)
    except LeaseLostError as error:
        print(error, file=sys.stderr)  # noqa: T201 - into worker.log
        return LOST
    finally:
        store.close()
    return 0


def _run(store: TuningStore, lease: Lease) -> None:
    job = store.jobs.get(lease.job_id)
    try:
        _trained(store, lease, job)
    except LeaseLostError:
        raise
    except TrainingFailedError as error:
        _fail(store, lease, error.code, str(error), param=error.param, retryable=error.retryable)
    except MemoryError:
        _fail(store, lease, "out_of_memory", OUT_OF_MEMORY)
    except Exception as error:  # noqa: BLE001 - a defect of ours or of a library: the job says so, the log has the rest
        traceback.print_exc()
        _fail(store, lease, *_told(error))


def _told(error: Exception) -> tuple[ErrorCode, str]:
    """Code and sentence of what no trainer raises on purpose."""
    if _is_full(error):
        return "disk_full", FULL
    if isinstance(error, GroundtuneError):
        return "internal_error", str(error)
    return "internal_error", f"{INTERNAL} ({type(error).__name__}: {str(error)[:200]})"


def _is_full(error: BaseException | None) -> bool:
    """Whether the disk is what it, or what it came of, complains about."""
    while error is not None:
        if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
            return True
        if isinstance(error, sqlite3.OperationalError) and "full" in str(error):
            return True
        error = error.__cause__ or error.__context__
    return False


FULL = "The disk is full: make room, then start the job again."
OUT_OF_MEMORY = (
    "The memory did not suffice: choose a smaller model, a smaller max_length or nf4 quantization."
)
INTERNAL = "Something went wrong inside the training process: its log in the job's folder has the details"


def _trained(store: TuningStore, lease: Lease, job: Job) -> None:
    task = task_of(store, job)
    facts = {"system": system_message(list(rows_of(task.train))), "data_sha256": job.facts.get("data_sha256")}
    control = JobControl(store, lease, kept=lambda: keep_checkpoints(store, job, facts))
    _write_task(task)
    trained = entry_of(trainer_of(job.request.model))(task, control)
    if trained is None:
        _stop(store, lease)
        return
    if not _move(store, lease, "evaluating", "Training is done; the model is judged."):
        return
    verdict = _judged(task, trained, control)
    if not _move(store, lease, "finalizing", "The model is kept."):
        return
    keep_model(store, lease, trained, verdict)


def _stop(store: TuningStore, lease: Lease) -> None:
    """The trainer stopped because it was asked to."""
    job = store.jobs.get(lease.job_id)
    if job.state == "cancelling":
        _cancelled(store, lease)
    else:
        store.jobs.move(job.id, "paused", lease=lease, event="Paused.")


def _move(store: TuningStore, lease: Lease, to: Any, said: str) -> bool:
    """False where the job was cancelled meanwhile. A pause that came after the last step is no pause any more."""
    job = store.jobs.get(lease.job_id)
    if job.state == "preparing":  # a trainer that never said that it had started
        store.jobs.move(job.id, "running", lease=lease)
    try:
        store.jobs.move(lease.job_id, to, lease=lease, event=said)
    except TuningStateError:
        if store.jobs.get(lease.job_id).state != "cancelling":
            raise
        _stop(store, lease)
        return False
    return True


def _judged(task: TrainingTask, trained: Trained, control: JobControl) -> dict[str, Any]:
    """The verdict as facts. A model that cannot be judged is kept, and says so."""
    from finetune.after.training import judge_training

    try:
        verdict = judge_training(task, trained, stopped=lambda: control.wanted() == "cancel")
    except LeaseLostError:
        raise
    except Exception as error:  # noqa: BLE001 - whatever it is, the model is whole
        traceback.print_exc()
        told = str(error) if isinstance(error, GroundtuneError) else "see the job's log"
        control.message(f"The model could not be judged ({told}): try it before you use it.", level="warn")
        return {"verdict": {"verdict": "not proven", "reasons": [f"It could not be judged: {told}."]}}
    for reason in verdict.reasons:
        control.message(reason)
    return {"verdict": verdict.as_dict()}


def _fail(
    store: TuningStore,
    lease: Lease,
    code: str,
    message: str,
    *,
    param: str | None = None,
    retryable: bool = False,
) -> None:
    error = JobError(code=code, message=message, param=param, retryable=retryable)
    try:
        store.jobs.move(lease.job_id, "failed", lease=lease, event=message, level="error", error=error)
    except TuningStateError:  # cancelled meanwhile, which ends what it had begun to keep
        _cancelled(store, lease)
    take_back(store, lease.job_id)


def _cancelled(store: TuningStore, lease: Lease) -> None:
    store.jobs.move(lease.job_id, "cancelled", lease=lease, event="Cancelled.")


def task_of(store: TuningStore, job: Job) -> TrainingTask:
    """Raises TuningNotFoundError where a file was deleted since the job was made, TrainingFailedError for its base."""
    request = job.request
    base = store.bases.get(request.model)
    if base is None:
        gone = f"The base model {request.model!r} is not on this machine any more: put it back, or choose another."
        raise TrainingFailedError(gone, code="model_not_available", param="model")
    newest = next(iter(store.checkpoints.valid(job.id)), None)
    validation = (
        store.files.path(store.files.get(request.validation_file).id) if request.validation_file else None
    )
    return TrainingTask(
        job_id=job.id,
        base=base.path if base.path and base.folder is None else request.model,
        base_folder=base.folder,
        method=request.method,
        train=store.files.path(store.files.get(request.training_file).id),
        validation=validation,
        hyperparameters=request.hyperparameters,
        options=request.options,
        seed=job.seed,
        folder=store.job_folder(job.id),
        resume_from=store.checkpoints.path(newest) if newest else None,
    )


def _write_task(task: TrainingTask) -> None:
    """What the process was asked to do, for whoever looks into the job's folder."""
    task.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    shutil.rmtree(task.folder / "model", ignore_errors=True)  # of an attempt that did not come to its end
    told = {name: str(value) if isinstance(value, Path) else value for name, value in asdict(task).items()}
    (task.folder / "task.json").write_text(json.dumps(told, ensure_ascii=False, indent=1), "utf-8")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
