"""Groundtune's records as OpenAI's objects; what OpenAI's do not have stands under `x_groundtune`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from finetune.jobs.record import METRICS, Checkpoint, Event, Job, StoredFile

if TYPE_CHECKING:
    from finetune.jobs.uploads import Part, Upload

ORGANIZATION = "groundtune"


def file_object(stored: StoredFile) -> dict[str, Any]:
    expiry = {} if stored.expires_at is None else {"expires_at": int(stored.expires_at)}
    return {
        "id": stored.id,
        "object": "file",
        "bytes": stored.bytes,
        "created_at": int(stored.created_at),
        "filename": stored.filename,
        "purpose": stored.purpose,
        "status": "processed",
        **expiry,
    }


def upload_object(upload: Upload) -> dict[str, Any]:
    return {
        "id": upload.id,
        "object": "upload",
        "bytes": upload.bytes,
        "created_at": int(upload.created_at),
        "expires_at": int(upload.expires_at),
        "filename": upload.filename,
        "purpose": upload.purpose,
        "status": upload.status,
        "file": file_object(upload.file) if upload.file is not None else None,
    }


def part_object(part: Part) -> dict[str, Any]:
    return {
        "id": part.id,
        "object": "upload.part",
        "created_at": int(part.created_at),
        "upload_id": part.upload_id,
    }


def job_object(job: Job, *, position: int | None = None) -> dict[str, Any]:
    """`hyperparameters` are those that were asked for, "auto" where nobody did. `position`: in the queue, from 1."""
    asked = job.request
    chosen = _hyperparameters(job)
    return {
        "id": job.id,
        "object": "fine_tuning.job",
        "created_at": int(job.created_at),
        "finished_at": _seconds(job.finished_at),
        "estimated_finish": _seconds(job.estimated_finish),
        "model": asked.model,
        "fine_tuned_model": job.fine_tuned_model,
        "organization_id": ORGANIZATION,
        "status": job.status,
        "training_file": asked.training_file,
        "validation_file": asked.validation_file,
        "result_files": list(job.result_files),
        "trained_tokens": job.trained_tokens,
        "seed": job.seed,
        "hyperparameters": chosen,
        "method": {"type": asked.method, asked.method: {"hyperparameters": chosen}},
        "metadata": dict(asked.metadata),
        "integrations": [],
        "error": _error(job),
        "user_provided_suffix": asked.suffix,
        "x_groundtune": _own(job) | {"position": position},
    }


def _hyperparameters(job: Job) -> dict[str, Any]:
    common = dict.fromkeys(("n_epochs", "batch_size", "learning_rate_multiplier"), "auto")
    if job.request.method == "dpo":
        common["beta"] = "auto"
    return common | dict(job.request.hyperparameters)


def _error(job: Job) -> dict[str, Any] | None:
    if job.error is None:
        return None
    return {"code": job.error.code, "message": job.error.message, "param": job.error.param}


def _own(job: Job) -> dict[str, Any]:
    return {
        **job.facts,
        "state": job.state,
        "version": job.version,
        "attempts": job.attempts,
        "wanted": job.wanted,
        "options": dict(job.request.options),
        "retryable": job.error.retryable if job.error else None,
    }


def event_object(event: Event) -> dict[str, Any]:
    return {
        "id": event.id,
        "object": "fine_tuning.job.event",
        "created_at": int(event.created_at),
        "level": event.level,
        "message": event.message,
        "type": event.type,
        "data": dict(event.data),
        "x_groundtune": {"sequence": event.sequence},
    }


def checkpoint_object(checkpoint: Checkpoint) -> dict[str, Any]:
    known = {name: value for name, value in checkpoint.metrics.items() if name in METRICS}
    return {
        "id": checkpoint.id,
        "object": "fine_tuning.job.checkpoint",
        "created_at": int(checkpoint.created_at),
        "fine_tuned_model_checkpoint": checkpoint.model,
        "fine_tuning_job_id": checkpoint.job_id,
        "step_number": checkpoint.step,
        "metrics": {"step": checkpoint.step, **known},
        "x_groundtune": {"epoch": checkpoint.epoch},
    }


def _seconds(moment: float | None) -> int | None:
    return None if moment is None else int(moment)
