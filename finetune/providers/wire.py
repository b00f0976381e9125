"""OpenAI's fine-tuning objects as places really send them, read without trust: a field of another type is not there."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from finetune.jobs.record import METRICS
from finetune.providers.orders import Entry, JobView, Order, SeenCheckpoint
from finetune.providers.places import Place

if TYPE_CHECKING:
    from pydantic import BaseModel

MOST_PAGES = 1000
EXTENSION = "x_groundtune"


def plain(found: BaseModel) -> dict[str, Any]:
    """An SDK object as JSON values, with the fields that the SDK does not know."""
    return {**(found.model_extra or {}), **found.model_dump(mode="json", warnings=False)}


def job_body(order: Order, place: Place, *, tag: str, tag_key: str) -> dict[str, Any]:
    """What POST jobs is sent beside the files. Raises TuningRequestError for what the place does not take."""
    recipe = order.recipe
    options: dict[str, dict[str, Any]] = {"body": {}, "hyperparameters": {}, EXTENSION: {}}
    for name, value in recipe.options.items():
        options[place.where(name)][name] = value
    hyperparameters = {
        "n_epochs": recipe.epochs,
        "batch_size": recipe.batch_size,
        place.learning_rate_field: recipe.learning_rate_multiplier,
        "beta": recipe.beta if recipe.method == "dpo" else "auto",
    }
    given = {name: value for name, value in hyperparameters.items() if value != "auto"}
    given |= options["hyperparameters"]
    body: dict[str, Any] = {
        "model": order.model,
        "suffix": recipe.suffix,
        "seed": recipe.seed,
        "metadata": {tag_key: tag, "dataset": order.data.hash},
        **options["body"],
    }
    body |= _method(order, place, given)
    if place.name == "local":
        body[EXTENSION] = {"train_sha256": order.data.train_sha256, **options[EXTENSION]}
    return {name: value for name, value in body.items() if value is not None}


def _method(order: Order, place: Place, given: Mapping[str, Any]) -> dict[str, Any]:
    recipe = order.recipe
    if place.hyperparameters == "top":
        return {"hyperparameters": dict(given)} if given else {}
    inner: dict[str, Any] = {"hyperparameters": dict(given)} if given else {}
    if recipe.method == "reinforcement" and recipe.grader is not None:
        inner["grader"] = dict(recipe.grader)
    return {"method": {"type": recipe.method, recipe.method: inner}}


def view(entry: Entry | None, job: Mapping[str, Any], *, place: str) -> JobView:
    """What is known of a job. `job` is empty for one that was not sent."""
    status = _text(job, "status") or "not sent"
    if entry is not None and entry.state in ("refused", "lost"):
        status = entry.state
    method, hyperparameters = _recipe(job)
    facts = job.get(EXTENSION)
    recipe = entry.recipe if entry else None
    return JobView(
        id=_text(job, "id") or (entry.id if entry else ""),
        place=place,
        status=status,
        model=_text(job, "model") or (entry.model if entry else ""),
        tag=entry.tag if entry else None,
        fine_tuned_model=_text(job, "fine_tuned_model"),
        created_at=_number(job, "created_at") or (entry.written_at if entry else None),
        finished_at=_number(job, "finished_at"),
        estimated_finish=_number(job, "estimated_finish"),
        trained_tokens=_whole(job, "trained_tokens"),
        error=_error(job),
        method=method or (recipe.method if recipe else "supervised"),
        hyperparameters=hyperparameters,
        seed=_whole(job, "seed") if job else (recipe.seed if recipe else None),
        suffix=_text(job, "suffix")
        or _text(job, "user_provided_suffix")
        or (recipe.suffix if recipe else None),
        metadata=_texts(job.get("metadata")),
        training_file=_text(job, "training_file") or (entry.training_file if entry else None),
        validation_file=_text(job, "validation_file") or (entry.validation_file if entry else None),
        result_files=tuple(one for one in job.get("result_files") or () if isinstance(one, str)),
        dataset=entry.dataset if entry else _texts(job.get("metadata")).get("dataset"),
        dataset_name=entry.dataset_name if entry else None,
        recipe=recipe,
        estimate=entry.estimate if entry else None,
        facts=facts if isinstance(facts, dict) else {},
        checked_at=entry.checked_at if entry else None,
        problem=entry.problem if entry else None,
    )


def _recipe(job: Mapping[str, Any]) -> tuple[str | None, dict[str, Any]]:
    method = job.get("method")
    kind = _text(method, "type") if isinstance(method, dict) else None
    inner = method.get(kind) if isinstance(method, dict) and kind else None
    found = inner.get("hyperparameters") if isinstance(inner, dict) else None
    older = job.get("hyperparameters")
    chosen = found if isinstance(found, dict) and found else older
    return kind, {key: value for key, value in chosen.items() if value is not None} if isinstance(
        chosen, dict
    ) else {}


def _error(job: Mapping[str, Any]) -> dict[str, Any] | None:
    error = job.get("error")
    if not isinstance(error, dict) or not (error.get("message") or error.get("code")):
        return None
    return {key: error.get(key) for key in ("code", "message", "param")}


def event(raw: Mapping[str, Any]) -> dict[str, Any] | None:
    """The fields of a SeenEvent less its number; None where it has no id."""
    identifier = _text(raw, "id")
    if not identifier:
        return None
    data = raw.get("data")
    return {
        "id": identifier,
        "created_at": _number(raw, "created_at") or 0.0,
        "level": _text(raw, "level") or "info",
        "type": _text(raw, "type") or "message",
        "message": _text(raw, "message") or "",
        "data": data if isinstance(data, dict) else {},
    }


def checkpoint(raw: Mapping[str, Any]) -> SeenCheckpoint | None:
    identifier = _text(raw, "id")
    if not identifier:
        return None
    metrics = raw.get("metrics")
    found = metrics if isinstance(metrics, dict) else {}
    return SeenCheckpoint(
        id=identifier,
        model=_text(raw, "fine_tuned_model_checkpoint") or "",
        step=_whole(raw, "step_number") or 0,
        created_at=_number(raw, "created_at") or 0.0,
        metrics={name: value for name in METRICS if (value := _number(found, name)) is not None},
    )


def pages(fetch: Callable[[str | None], Any]) -> Iterator[list[dict[str, Any]]]:
    """Page after page of a list, by `after` cursors, until the place has no more or begins to repeat itself."""
    after, seen = None, set[str]()
    for _ in range(MOST_PAGES):
        page = fetch(after)
        found = [plain(one) for one in page.data or ()]
        fresh = [one for one in found if _text(one, "id") and one["id"] not in seen]
        if fresh:
            yield fresh
        seen |= {one["id"] for one in fresh}
        if not fresh or not getattr(page, "has_more", False):
            return
        after = found[-1].get("id")


def _text(raw: Mapping[str, Any], name: str) -> str | None:
    value = raw.get(name)
    return value if isinstance(value, str) and value else None


def _number(raw: Mapping[str, Any], name: str) -> float | None:
    value = raw.get(name)
    return float(value) if isinstance(value, (int, float)) and not isinstance(value, bool) else None


def _whole(raw: Mapping[str, Any], name: str) -> int | None:
    value = _number(raw, name)
    return None if value is None else int(value)


def _texts(value: Any) -> dict[str, str]:
    return (
        {str(key): text for key, text in value.items() if isinstance(text, str)}
        if isinstance(value, dict)
        else {}
    )
