"""The end of a job that worked: model and checkpoints can be asked, metrics are a file, the card is written."""

from __future__ import annotations

import io
import shutil
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from finetune.jobs.control import LEASE_S
from finetune.jobs.record import Checkpoint, Event, Job, StoredFile, TunedModel, tuned_name
from finetune.jobs.registry import trainer_of
from finetune.jobs.results import PURPOSE, results_csv
from finetune.jobs.states import TERMINAL
from finetune.jobs.store import Lease, TuningStore
from finetune.model_card import ModelFacts, write_model_card
from finetune.trainers.contract import Trained

__all__ = ["all_events", "keep_checkpoints", "keep_model", "take_back"]

AT_ONCE = 1000
MOST = 1000  # checkpoints of one job


def keep_model(store: TuningStore, lease: Lease, trained: Trained, verdict: Mapping[str, Any]) -> None:
    """Everything is in its place before the job says that it succeeded; done again, the same comes out."""
    job = store.jobs.get(lease.job_id)
    name = tuned_name(job)
    folder = store.models.folder / job.id
    _moved(trained.folder, folder)
    facts: dict[str, Any] = {**trained.facts, **verdict, "metrics": dict(trained.metrics)}
    facts["data_sha256"] = job.facts.get("data_sha256") or facts.get("data_sha256")
    known = {key: value for key, value in facts.items() if value is not None}
    model = TunedModel(
        id=name,
        job_id=job.id,
        base=job.request.model,
        trainer=trainer_of(job.request.model),
        folder=str(folder),
        created_at=job.changed_at,
        facts=known,
    )
    _write_card(folder, model, job, trained)
    store.leases.renew(lease, seconds=LEASE_S)  # still ours: nobody else keeps a model of this job
    store.models.add(model)
    keep_checkpoints(store, job, known, store.checkpoints.valid(job.id))
    stored = _kept_results(store, job)
    store.jobs.note(job.id, f"New fine-tuned model created: {name}", lease=lease)
    store.jobs.move(
        job.id,
        "succeeded",
        lease=lease,
        event="The job has successfully completed.",
        fine_tuned_model=name,
        trained_tokens=trained.trained_tokens,
        result_files=[stored.id],
        facts={
            "verdict": known.get("verdict"),
            "system": known.get("system"),
            "training": dict(trained.facts),
        },
    )


def all_events(store: TuningStore, job_id: str) -> Iterator[Event]:
    """The oldest first."""
    last = 0
    while found := store.jobs.events_since(job_id, last, AT_ONCE):
        yield from found
        last = found[-1].sequence


def _moved(source: Path, folder: Path) -> None:
    """One attempt's model in the place of what an earlier one may have left."""
    if source == folder or not source.exists():
        return
    folder.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    if folder.exists():
        shutil.rmtree(folder)
    source.replace(folder)


def keep_checkpoints(
    store: TuningStore, job: Job, facts: Mapping[str, Any], there: Iterable[Checkpoint] | None = None
) -> None:
    """Those that are there can be asked by their names, also while the job runs; those that are gone cannot.

    `there` None: those that were recorded, unread.
    """
    found = store.checkpoints.list(job.id, limit=MOST).data if there is None else there
    told = {name: facts[name] for name in ("system", "wrapper", "data_sha256") if facts.get(name) is not None}
    models = {one.model: _asked_as(store, job, one, told) for one in found}
    known = {one.id: one for one in store.models.list(job_id=job.id) if one.step is not None}
    for gone in known.keys() - models.keys():
        store.models.delete(gone)
    for name, model in models.items():
        if known.get(name) != model:
            store.models.add(model)


def _asked_as(store: TuningStore, job: Job, checkpoint: Checkpoint, facts: Mapping[str, Any]) -> TunedModel:
    return TunedModel(
        id=checkpoint.model,
        job_id=job.id,
        base=job.request.model,
        trainer=trainer_of(job.request.model),
        folder=str(store.checkpoints.path(checkpoint)),
        created_at=checkpoint.created_at,
        step=checkpoint.step,
        facts=facts,
    )


def take_back(store: TuningStore, job_id: str) -> None:
    """The result of a job that was stopped while it was being kept. Its checkpoints stay, and can be asked."""
    job = store.jobs.get(job_id)
    if job.state == "succeeded" or job.state not in TERMINAL:
        return
    for result in (one for one in store.models.list(job_id=job_id) if one.step is None):
        store.models.delete(result.id, keep_checkpoints=True)
    for file in _results(store, job):
        store.files.delete(file.id)


def _kept_results(store: TuningStore, job: Job) -> StoredFile:
    for earlier in _results(store, job):  # of an attempt that did not come to its end
        store.files.delete(earlier.id)
    return store.files.add(io.BytesIO(results_csv(all_events(store, job.id))), _results_name(job), PURPOSE)


def _results(store: TuningStore, job: Job) -> list[StoredFile]:
    return [one for one in store.files.list(purpose=PURPOSE).data if one.filename == _results_name(job)]


def _results_name(job: Job) -> str:
    return f"{job.id}-results.csv"


def _write_card(folder: Path, model: TunedModel, job: Job, trained: Trained) -> None:
    facts = model.facts
    recipe = facts.get("recipe")
    hashes = {
        name: str(facts[name]) for name in facts if name.endswith("_sha256") and name not in _DATA_HASHES
    }
    write_model_card(
        folder,
        ModelFacts(
            model=model.id,
            base=model.base,
            trainer=model.trainer,
            method=job.request.method,
            job_id=job.id,
            seed=job.seed,
            created_at=model.created_at,
            data_sha256=facts.get("data_sha256"),
            rows=job.facts.get("rows"),
            validation_sha256=job.facts.get("validation_sha256"),
            trained_tokens=trained.trained_tokens,
            best_step=trained.best_step,
            recipe=recipe if isinstance(recipe, dict) else {},
            metrics=trained.metrics,
            verdict=facts.get("verdict") or {},
            hashes=hashes,
            system=facts.get("system"),
        ),
    )


_DATA_HASHES = ("data_sha256", "validation_sha256")
