"""What is ordered of a place: a frozen dataset, a model and a recipe; and what became of it, wherever it is trained."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from finetune.jobs.record import Method

Auto = Literal["auto"]
Sent = Literal[
    "written",  # nothing has left this machine
    "uploading",  # a file may be there
    "creating",  # a job may be there
    "sent",  # the job is there, under `remote_id`
    "refused",  # the place said no: nothing is trained
    "lost",  # the place does not know the job any more
]
ENDED = frozenset({"succeeded", "failed", "cancelled", "refused", "lost"})
KNOWN_STATUSES = ENDED | {"not sent", "validating_files", "queued", "running", "paused"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipe:
    """How to train; "auto" leaves a figure to the place."""

    method: Method = "supervised"
    epochs: int | Auto = "auto"
    batch_size: int | Auto = "auto"
    learning_rate_multiplier: float | Auto = "auto"  # the rate itself where the place takes it so
    beta: float | Auto = "auto"  # of DPO
    suffix: str | None = None
    seed: int | None = None
    grader: Mapping[str, Any] | None = None  # of reinforcement
    options: Mapping[str, Any] = field(default_factory=dict)  # the place's own

    def as_dict(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in self.__slots__}


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainingData:
    """A frozen dataset, as far as a job needs it."""

    hash: str  # the frozen dataset's; its first characters name it
    name: str
    data_sha256: str
    train: Path
    train_sha256: str
    rows: int  # of train
    validation: Path | None = None
    validation_sha256: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    place: str
    model: str
    data: TrainingData
    recipe: Recipe = field(default_factory=Recipe)
    estimate: Mapping[str, Any] | None = None  # finetune.pricing.Estimate.as_dict, as it was shown


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One line of the ledger: an order that was made on this machine, and how far it came."""

    tag: str  # in the job's metadata, at the place
    place: str
    model: str
    dataset: str
    dataset_name: str
    data_sha256: str
    recipe: Recipe
    written_at: float  # seconds since 1970, as all times
    state: Sent = "written"
    account: str = ""  # fingerprint of address and key: file ids count only there
    accepted: bool = False
    training_file: str | None = None
    validation_file: str | None = None
    creating_at: float | None = None
    remote_id: str | None = None
    job: Mapping[str, Any] = field(default_factory=dict)  # the place's object, as last seen
    checked_at: float | None = None
    misses: int = 0  # looks in a row that found no such job
    estimate: Mapping[str, Any] | None = None
    problem: str | None = None

    @property
    def id(self) -> str:
        return self.remote_id or self.tag


@dataclass(frozen=True, slots=True, kw_only=True)
class JobView:
    """A job wherever it is trained, known from the ledger, from the place, or from both. Times in seconds."""

    id: str  # ftjob-..., or the tag of one that was not sent
    place: str
    status: str  # as the place says it, known word or not; "not sent", "refused" or "lost" are the ledger's
    model: str
    tag: str | None = None
    fine_tuned_model: str | None = None
    created_at: float | None = None
    finished_at: float | None = None
    estimated_finish: float | None = None
    trained_tokens: int | None = None
    error: Mapping[str, Any] | None = None  # code, message, param
    method: str = "supervised"
    hyperparameters: Mapping[str, Any] = field(default_factory=dict)
    seed: int | None = None
    suffix: str | None = None
    metadata: Mapping[str, str] = field(default_factory=dict)
    training_file: str | None = None
    validation_file: str | None = None
    result_files: tuple[str, ...] = ()
    dataset: str | None = None  # the frozen dataset's hash
    dataset_name: str | None = None
    recipe: Recipe | None = None
    estimate: Mapping[str, Any] | None = None
    facts: Mapping[str, Any] = field(
        default_factory=dict
    )  # x_groundtune: state, reason, verdict, position, ...
    checked_at: float | None = None
    problem: str | None = None  # one sentence of the ledger

    @property
    def ended(self) -> bool:
        """By a status that is known, or by the time at which it finished, whatever word the place has for that."""
        return self.status in ENDED or (self.status not in KNOWN_STATUSES and self.finished_at is not None)

    @property
    def succeeded(self) -> bool:
        return self.status == "succeeded" or (
            self.ended and self.status not in ENDED and bool(self.fine_tuned_model)
        )

    @property
    def state(self) -> str:
        """Finer than the status where the job is trained here: "awaiting_approval", "evaluating", ..."""
        return str(self.facts.get("state") or self.status)

    @property
    def waits_for_approval(self) -> bool:
        return self.state == "awaiting_approval"

    @property
    def cost_usd(self) -> float | None:
        """Trained tokens times the price that was shown at the start, else what was estimated; None: not known."""
        price = ((self.estimate or {}).get("price_usd_per_million") or {}).get("value")
        if price is not None and self.trained_tokens:
            return float(price) * self.trained_tokens / 1_000_000
        found = (self.estimate or {}).get("usd")
        return float(found) if found is not None else None

    def as_dict(self) -> dict[str, Any]:
        """JSON values only."""
        known = {name: getattr(self, name) for name in self.__slots__}
        recipe = self.recipe.as_dict() if self.recipe else None
        return known | {"recipe": recipe, "result_files": list(self.result_files), "cost_usd": self.cost_usd}


@dataclass(frozen=True, slots=True, kw_only=True)
class SeenEvent:
    """An event of a job, kept in the ledger in the order it happened."""

    id: str
    sequence: int  # 1, 2, 3, ... of what was seen of the job
    created_at: float
    level: str
    message: str
    type: str = "message"
    data: Mapping[str, Any] = field(default_factory=dict)

    def as_dict(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in self.__slots__}


@dataclass(frozen=True, slots=True, kw_only=True)
class SeenCheckpoint:
    id: str
    model: str  # ft:...:ckpt-step-N
    step: int
    created_at: float
    metrics: Mapping[str, float] = field(default_factory=dict)

    def as_dict(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in self.__slots__}
