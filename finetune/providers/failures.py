"""What a place's failure means for a fine-tuning job: one sentence, without any key.

Places say what is wrong with a job in their own words, which nobody else knows: those are passed on, shortened, without
control characters and with everything that looks like a key taken out.
"""

from __future__ import annotations

import re
from typing import Any

from chains.failures import QUOTA_CODES, SettingNames, provider_error
from errors import (
    GroundtuneError,
    TrainingFailedError,
    TuningBusyError,
    TuningConflictError,
    TuningNotFoundError,
    TuningRequestError,
    TuningStateError,
)
from finetune.providers.places import Place

CLOSED = "training_not_available"
STATE_CODES = frozenset({"invalid_job_state", "invalid_state", "job_not_pausable"})
LONGEST_SAID = 300  # characters of a place's own words
_KEY_LIKE = re.compile(r"\b(?:sk|pk|key|Bearer)[-_ ][A-Za-z0-9_\-.]{6,}|\b[A-Za-z0-9_\-]{40,}\b")
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]+")


def place_error(error: Exception, place: Place, *, what: str, endpoint: str) -> GroundtuneError:
    """`what`: the job, file or model that was asked for, for the sentence. `endpoint` holds no credentials."""
    status, code = getattr(error, "status_code", None), code_of(error)
    said = said_by(error)
    if place.name == "local" and said:
        return _own(status, code, said.removeprefix(" It says: "), _param(error))
    if (known := _by_status(status, code, place, what, said, _param(error))) is not None:
        return known
    names = SettingNames(
        model="--model", key=place.key_setting or "the key", url=place.url_setting or "the address"
    )
    return provider_error(error, model_id=what, endpoint=endpoint, names=names)


def _by_status(
    status: Any, code: str | None, place: Place, what: str, said: str, param: str | None
) -> GroundtuneError | None:
    """None for what chains.failures has a sentence for: keys, quotas, limits, servers that fail."""
    if status == 404 and what == "the job" and code == "model_not_found":
        return TuningRequestError(
            f"{place.title} does not know this base model.{said}", code=code, param="model"
        )
    if status == 404:
        return TuningNotFoundError(f"{place.title} knows no {what.removeprefix('the ')}.{said}")
    if code in STATE_CODES:
        return TuningStateError(f"{place.title} cannot do that with {what} now.{said}")
    if status == 409:
        return TuningConflictError(f"{place.title} refused {what} as a conflict.{said}")
    if status in (400, 413, 422) and code not in QUOTA_CODES:
        return TuningRequestError(
            f"{place.title} refused {what} ({code or status}).{said}", code=code, param=param
        )
    return None


def _own(status: Any, code: str | None, sentence: str, param: str | None) -> GroundtuneError:
    """This machine's own API says what it means already."""
    if status == 404:
        return TuningNotFoundError(sentence)
    if code in STATE_CODES:
        return TuningStateError(sentence)
    if status == 409:
        return TuningConflictError(sentence)
    if status == 503:
        return TuningBusyError(sentence)
    return TuningRequestError(sentence, code=code, param=param)


def closed_error(place: Place, *, tag: str, file_id: str | None, others: str) -> TrainingFailedError:
    """Of 403 training_not_available."""
    kept = f" The uploaded file stays there as {file_id}." if file_id else ""
    return TrainingFailedError(
        f"{place.title} takes no new fine-tuning jobs from this organisation ({CLOSED}), and nothing was billed.{kept} "
        f"Train the same data elsewhere: `python -m app finetune again {tag} --place local`{others}.",
        code=CLOSED,
        param="model",
    )


def code_of(error: BaseException) -> str | None:
    """OpenAI's machine-readable reason, where it is a plain identifier."""
    code: Any = getattr(error, "code", None)
    return code if isinstance(code, str) and re.fullmatch(r"[A-Za-z0-9_.-]{1,64}", code) else None


def said_by(error: BaseException) -> str:
    """ " It says: ..." or nothing."""
    body: Any = getattr(error, "body", None)
    message = body.get("message") if isinstance(body, dict) else None
    return f" It says: {quoted(message)}" if isinstance(message, str) and message.strip() else ""


def quoted(text: str) -> str:
    """A place's own words, fit to be shown."""
    plain = _KEY_LIKE.sub("(hidden)", _CONTROL.sub(" ", text)).strip()
    return plain if len(plain) <= LONGEST_SAID else plain[:LONGEST_SAID].rstrip() + " ..."


def _param(error: BaseException) -> str | None:
    param: Any = getattr(error, "param", None)
    return param if isinstance(param, str) and len(param) <= 64 else None
