"""The end of a job that worked: model and checkpoints can be asked, metrics are a file, the card is written."""

from __future__ import annotations

import io
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from finetune.jobs.record import Event, Job, TunedModel, tuned_name
from finetune.jobs.registry import trainer_of
from finetune.jobs.results import PURPOSE, results_csv
from finetune.jobs.store import Lease, TuningStore
from finetune.model_card import ModelFacts, write_model_card
from finetune.trainers.contract import Trained

__all__ = ["all_events", "keep_model"]

AT_ONCE = 1000


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
    store.models.add(model)
    for one in _checkpoints(store, model):
        store.models.add(one)
    stored = store.files.add(
        io.BytesIO(results_csv(all_events(store, job.id))), f"{job.id}-results.csv", PURPOSE
    )
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


def _checkpoints(store: TuningStore, model: TunedModel) -> Iterator[TunedModel]:
    for one in store.checkpoints.valid(model.job_id):
        yield TunedModel(
            id=one.model,
            job_id=model.job_id,
            base=model.base,
            trainer=model.trainer,
            folder=str(store.checkpoints.path(one)),
            created_at=one.created_at,
            step=one.step,
            facts={
                key: model.facts[key] for key in ("system", "wrapper", "data_sha256") if key in model.facts
            },
        )


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
