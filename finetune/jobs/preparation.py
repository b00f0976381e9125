"""Before a job waits for its turn: its files are checked, its base is there, what it takes is estimated and allowed.

What is wrong ends the job with a code and the sentence that says what to do; what is merely much waits to be accepted.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from errors import DatasetError, TrainingFailedError, TuningNotFoundError, TuningRequestError
from finetune.jobs.approval import Estimate, estimate, reason_to_ask
from finetune.jobs.configuration import RunnerConfig
from finetune.jobs.recipe_check import check_recipe
from finetune.jobs.record import Job, JobError, Method
from finetune.jobs.registry import python_of, trainer_of
from finetune.jobs.store import TuningStore

__all__ = ["FEWEST", "prepare"]

FEWEST = 10  # examples, as OpenAI has it
KEPT = 20  # findings that are looked at


@dataclass(frozen=True, slots=True, kw_only=True)
class _Checked:
    rows: int
    validation_rows: int
    train_sha256: str
    validation_sha256: str | None
    warnings: int


def prepare(store: TuningStore, job: Job, config: RunnerConfig) -> Job:
    """Moves a validating job on: queued, awaiting approval, or failed."""
    try:
        _check_recipe(job)
        checked = _check(store, job)
        python_of(trainer_of(job.request.model), config)
        found = estimate(store, job, config, rows=checked.rows)
    except TrainingFailedError as error:
        told = JobError(code=error.code, message=str(error), param=error.param, retryable=error.retryable)
        return store.jobs.move(
            job.id, "failed", version=job.version, event=str(error), level="error", error=told
        )
    facts = _facts(checked, found)
    why = reason_to_ask(found, config)
    if why is not None and not job.request.options.get("accepted"):
        asked = f"{why} Resume the job to accept it, or cancel it."
        return store.jobs.move(
            job.id, "awaiting_approval", version=job.version, event=asked, level="warn",
            facts=facts | {"reason": asked},
        )  # fmt: skip
    said = f"Files validated: {checked.rows} examples. Queued; {found.sentence}"
    return store.jobs.move(job.id, "queued", version=job.version, event=said, facts=facts)


def _check_recipe(job: Job) -> None:
    """The API refuses such requests; one that was made otherwise ends here. Raises TrainingFailedError."""
    try:
        check_recipe(job.request)
    except TuningRequestError as error:
        code = "training_not_available" if error.param == "method" else "internal_error"
        raise TrainingFailedError(str(error), code=code, param=error.param) from error


def _facts(checked: _Checked, found: Estimate) -> dict[str, Any]:
    return {
        "rows": checked.rows,
        "validation_rows": checked.validation_rows,
        "data_sha256": checked.train_sha256,
        "validation_sha256": checked.validation_sha256,
        "warnings": checked.warnings,
        "estimate": found.as_dict(),
    }


def _check(store: TuningStore, job: Job) -> _Checked:
    """Raises TrainingFailedError with the code that a client can act on."""
    from finetune.profiles import profile_named
    from finetune.validate import validate

    if store.bases.get(job.request.model) is None:
        raise TrainingFailedError(
            f"The base model {job.request.model!r} is not on this machine any more.",
            code="model_not_available",
            param="model",
        )
    files = {"train": _stored(store, job.request.training_file, "invalid_training_file", "training_file")}
    if job.request.validation_file:
        files["validation"] = _stored(
            store, job.request.validation_file, "invalid_validation_file", "validation_file"
        )
    profile = profile_named("local")
    try:
        found = validate(files, profile=profile, depth="structure", kept=KEPT)
    except DatasetError as error:
        raise TrainingFailedError(str(error), code="invalid_training_file", param="training_file") from error
    by_split = {file.split: file for file in found.files}
    train, validation = by_split["train"], by_split.get("validation")
    if train.rows < FEWEST and train.unreadable == 0:
        raise TrainingFailedError(
            f"Training file has {train.rows} example(s), but must have at least {FEWEST} examples.",
            code="invalid_n_examples",
            param="training_file",
        )
    _refuse_another_file(train.sha256, job)
    _refuse_errors(found, job)
    for param, path in files.items():
        _refuse_another_kind(path, job, "training_file" if param == "train" else "validation_file")
    _refuse_leaks(store, job)
    return _Checked(
        rows=train.rows,
        validation_rows=validation.rows if validation else 0,
        train_sha256=train.sha256,
        validation_sha256=validation.sha256 if validation else None,
        warnings=found.count("warning"),
    )


def _stored(store: TuningStore, file_id: str, code: str, param: str) -> Path:
    try:
        return store.files.path(store.files.get(file_id).id)
    except TuningNotFoundError as error:
        raise TrainingFailedError(str(error), code=code, param=param) from error


def _refuse_errors(found: Any, job: Job) -> None:
    """Files are kept under their ids: their names mean nothing to who uploaded them."""
    errors = [one for one in found.findings if one.severity == "error" and one.rule not in _NAMES]
    if not errors:
        return
    first = errors[0]
    in_validation = job.request.validation_file is not None and first.file.endswith(
        job.request.validation_file
    )
    place = f" (line {first.line})" if first.line is not None else ""
    more = len(errors) - 1
    raise TrainingFailedError(
        f"{first.message}{place}"
        + (f" And {more} more: check the file with dataset validate." if more else ""),
        code="invalid_validation_file" if in_validation else "invalid_training_file",
        param="validation_file" if in_validation else "training_file",
    )


_NAMES = frozenset({"F04", "F05"})  # the ending of the name, and the number of rows, which is judged above


def _refuse_another_file(sha256: str, job: Job) -> None:
    """Where the creator said which bytes are meant."""
    wanted = job.request.options.get("train_sha256")
    if wanted is not None and wanted != sha256:
        raise TrainingFailedError(
            "The training file is not the one that was meant: its SHA-256 is not x_groundtune.train_sha256. Upload it "
            "again.",
            code="invalid_training_file",
            param="training_file",
        )


def _refuse_another_kind(path: Path, job: Job, param: str) -> None:
    """All rows of a file are of one kind by now: the first one says which."""
    from finetune.strict_json import lines
    from finetune.validation.row_rules import kind_of_row

    first = next((line.value for line in lines(path) if line.value is not None), None)
    kind = kind_of_row(first) if first is not None else None
    takes = _KINDS[job.request.method]
    if trainer_of(job.request.model) == "responder":
        takes = ("chat", "completion", "preference")  # of which the preferred answer
    if kind is None or kind in takes:
        return
    raise TrainingFailedError(
        f"These are {kind} rows, and method {job.request.method} learns from {' or '.join(takes)} rows: choose the "
        "other method, or another file.",
        code=f"invalid_{param}",
        param=param,
    )


_KINDS: dict[Method, tuple[str, ...]] = {
    "supervised": ("chat", "completion"),
    "dpo": ("preference",),
    "reinforcement": ("reinforcement",),
}


def _refuse_leaks(store: TuningStore, job: Job) -> None:
    """A row that is learnt and asked proves nothing: more than a tenth of such validation rows is refused."""
    if job.request.validation_file is None:
        return
    learnt = set(_rows(store, job.request.training_file))
    asked = list(_rows(store, job.request.validation_file))
    same = sum(row in learnt for row in asked)
    if asked and same > len(asked) / 10:
        raise TrainingFailedError(
            f"{same} of {len(asked)} validation rows are in the training file too: split them with dataset split.",
            code="dataset_leak",
            param="validation_file",
        )


def _rows(store: TuningStore, file_id: str) -> Iterator[bytes]:
    """The rows' fingerprints: their own metadata and the order of their fields aside."""
    import hashlib
    import json

    from finetune.dataset_rows import without_metadata
    from finetune.strict_json import lines

    for line in lines(store.files.path(file_id)):
        if line.value is not None:
            told = json.dumps(without_metadata(line.value), sort_keys=True, ensure_ascii=False)
            yield hashlib.sha256(told.encode("utf-8", "surrogatepass")).digest()
