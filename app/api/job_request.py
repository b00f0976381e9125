"""The body of POST /v1/fine_tuning/jobs, checked: types and ranges by OpenAI's rules, names against this workspace."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, JsonValue

from app.api.errors import refused
from errors import TuningNotFoundError
from finetune.jobs.record import JobRequest

if TYPE_CHECKING:
    from finetune.jobs.store import TuningStore

    from app.workspace import Workspace

RESPONDER = "responder"
LARGEST_SEED = 2**31 - 1
Epochs = Literal["auto"] | Annotated[int, Field(ge=1, le=50)]
BatchSize = Literal["auto"] | Annotated[int, Field(ge=1, le=256)]
Multiplier = Literal["auto"] | Annotated[float, Field(gt=0, allow_inf_nan=False)]
Beta = Literal["auto"] | Annotated[float, Field(gt=0, le=2)]
MetadataKey = Annotated[str, Field(max_length=64)]
MetadataValue = Annotated[str, Field(max_length=512)]


class _Strict(BaseModel):
    model_config = ConfigDict(strict=True, extra="forbid")


class Hyperparameters(_Strict):
    n_epochs: Epochs | None = None
    batch_size: BatchSize | None = None
    learning_rate_multiplier: Multiplier | None = None


class PreferenceHyperparameters(Hyperparameters):
    beta: Beta | None = None


class Supervised(_Strict):
    hyperparameters: Hyperparameters | None = None


class Preference(_Strict):
    hyperparameters: PreferenceHyperparameters | None = None


class Method(BaseModel):
    model_config = ConfigDict(strict=True, extra="ignore")

    type: Literal["supervised", "dpo", "reinforcement"]
    supervised: Supervised | None = None
    dpo: Preference | None = None


class JobBody(BaseModel):
    model_config = ConfigDict(strict=True, extra="forbid")

    model: Annotated[str, Field(min_length=1, max_length=512)]
    training_file: Annotated[str, Field(min_length=1, max_length=128)]
    validation_file: Annotated[str, Field(min_length=1, max_length=128)] | None = None
    method: Method | None = None
    hyperparameters: Hyperparameters | None = None  # of OpenAI's first version; `method` is the newer place
    suffix: Annotated[str, Field(min_length=1, max_length=64)] | None = None
    seed: Annotated[int, Field(ge=0, le=LARGEST_SEED)] | None = None
    metadata: Annotated[dict[MetadataKey, MetadataValue], Field(max_length=16)] | None = None
    integrations: list[JsonValue] | None = None
    x_groundtune: dict[str, JsonValue] | None = None


def job_request(body: JobBody, workspace: Workspace, store: TuningStore) -> JobRequest:
    """Raises RefusedError naming the field."""
    if body.integrations:
        raise refused("Invalid 'integrations': there are none here; leave them out.", param="integrations")
    method = body.method.type if body.method else "supervised"
    if method == "reinforcement":
        raise refused(
            "Invalid 'method.type': models are trained here with 'supervised' or 'dpo'.", param="method.type"
        )
    _check_file(store, body.training_file, "training_file")
    if body.validation_file is not None:
        _check_file(store, body.validation_file, "validation_file")
    _check_base(body.model, workspace)
    return JobRequest(
        model=body.model,
        training_file=body.training_file,
        validation_file=body.validation_file,
        method=method,
        hyperparameters=_hyperparameters(body),
        suffix=body.suffix,
        seed=body.seed,
        metadata=body.metadata or {},
        options=body.x_groundtune or {},
    )


def _hyperparameters(body: JobBody) -> dict[str, Any]:
    """Those of the method's own place, else the older ones."""
    chosen: Hyperparameters | None = body.hyperparameters
    within = None
    if body.method is not None:
        within = body.method.dpo if body.method.type == "dpo" else body.method.supervised
    if within is not None and within.hyperparameters is not None:
        chosen = within.hyperparameters
    return chosen.model_dump(exclude_none=True) if chosen else {}


def _check_file(store: TuningStore, file_id: str, param: str) -> None:
    code = f"invalid_{param}"
    try:
        stored = store.files.get(file_id)
    except TuningNotFoundError:
        raise refused(f"Invalid '{param}': there is no file {file_id!r}.", param=param, code=code) from None
    if stored.purpose != "fine-tune":
        raise refused(
            f"Invalid '{param}': {file_id} was uploaded for {stored.purpose!r}; upload it with purpose 'fine-tune'.",
            param=param,
            code=code,
        )


def _check_base(name: str, workspace: Workspace) -> None:
    from app.api.model_names import trainable

    there = trainable(workspace)
    if name not in there:
        raise refused(
            f"The model {name!r} cannot be trained here. There are: {', '.join(there)}.",
            param="model",
            code="model_not_available",
        )
