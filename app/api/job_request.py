"""The body of POST /v1/fine_tuning/jobs, checked: types and ranges by OpenAI's rules, names against what there is."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, JsonValue

from app.api.errors import refused
from app.api.json_answer import as_json
from errors import TuningNotFoundError
from finetune.jobs.recipe_check import check_recipe
from finetune.jobs.record import JobRequest
from finetune.question_rows import is_question_file

if TYPE_CHECKING:
    from finetune.jobs.store import TuningStore

RESPONDER = "responder"
LARGEST_SEED = 2**31 - 1
LARGEST_OPTIONS = 20_000  # characters of JSON
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


def job_request(body: JobBody, store: TuningStore) -> JobRequest:
    """Raises RefusedError and TuningRequestError naming the field."""
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
    _check_base(body.model, store)
    request = JobRequest(
        model=body.model,
        training_file=body.training_file,
        validation_file=body.validation_file,
        method=method,
        hyperparameters=_hyperparameters(body),
        suffix=_suffix(body),
        seed=body.seed,
        metadata=body.metadata or {},
        options=_options(body),
    )
    check_recipe(request)
    return request


def _suffix(body: JobBody) -> str | None:
    """It becomes part of a name that stands in commands, addresses and model cards."""
    if body.suffix is not None and not re.fullmatch(r"[A-Za-z0-9._-]+", body.suffix):
        raise refused(
            "Invalid 'suffix': use letters without accents, digits, '.', '_' and '-'.",
            param="suffix",
            code="invalid_value",
        )
    return body.suffix


def _options(body: JobBody) -> dict[str, Any]:
    """They come back with every list of jobs, so they are short, and JSON that everybody reads."""
    options, param = body.x_groundtune or {}, "x_groundtune"
    try:
        size = len(as_json(options))
    except ValueError:
        message = f"Invalid '{param}': NaN and infinity are no numbers of JSON."
        raise refused(message, param=param, code="invalid_value") from None
    if size > LARGEST_OPTIONS:
        message = f"Invalid '{param}': it has {size:,} characters; at most {LARGEST_OPTIONS:,} are kept."
        raise refused(message, param=param, code="invalid_value")
    return options


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
    path = store.files.path(stored.id)
    if path.is_file() and is_question_file(path):
        raise refused(
            f"Invalid '{param}': {file_id} holds questions for an evaluation, which would be learnt as plain text "
            "without their answers; send chat rows, which `dataset build` makes of them.",
            param=param,
            code=code,
        )


def _check_base(name: str, store: TuningStore) -> None:
    """One that lies here, or that was registered by its hub id and is fetched when its turn comes."""
    there = [base.name for base in store.bases.list() if base.is_there]
    if name not in there:
        raise refused(
            f"The model {name!r} cannot be trained here. There are: {', '.join(there)}.",
            param="model",
            code="model_not_available",
        )
